from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from datasets.images.colour_mask import read_colour_pages, read_object_codes
from system.errors import InputError


def save(path: Path, colours: list[list[tuple[int, ...]]]) -> Path:
    Pillow.fromarray(np.array(colours, np.uint8)).save(path)
    return path


def test_black_is_background_unless_it_is_a_type(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", [[(0, 0, 0), (1, 2, 3)]])
    assert read_colour_pages(path, {(1, 2, 3): 7})[0].tolist() == [[0, 7]]
    assert read_colour_pages(path, {(1, 2, 3): 7, (0, 0, 0): 2})[0].tolist() == [[2, 7]]


def test_void_is_a_separate_value_if_it_is_allowed(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", [[(224, 224, 192), (1, 2, 3)]])
    assert read_colour_pages(path, {(1, 2, 3): 1}, void=True)[0].tolist() == [[255, 1]]
    with pytest.raises(InputError, match=r"224,224,192 on 1 px\); give --void"):
        read_colour_pages(path, {(1, 2, 3): 1})
    assert read_object_codes(path).tolist() == [[0, 0x010203]]


def test_many_unknown_colours_hint_at_smoothing(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", [[(k, k, 9) for k in range(1, 10)] + [(5, 5, 9)]])
    with pytest.raises(
        InputError, match=r"\(5,5,9 on 2 px; 1,1,9 on 1 px; .* and 3 more\); save the masks without"
    ):
        read_colour_pages(path, {(1, 2, 3): 1})


def test_grey_masks_are_colours_too(tmp_path: Path) -> None:
    Pillow.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "m.png")
    assert read_colour_pages(tmp_path / "m.png", {(255, 255, 255): 3})[0].tolist() == [[0, 3]]


def test_transparency_and_unusual_modes_are_refused(tmp_path: Path) -> None:
    opaque = save(tmp_path / "o.png", [[(1, 2, 3, 255), (0, 0, 0, 255)]])
    assert read_colour_pages(opaque, {(1, 2, 3): 1})[0].tolist() == [[1, 0]]
    clear = save(tmp_path / "c.png", [[(1, 2, 3, 255), (0, 0, 0, 0)]])
    with pytest.raises(InputError, match="transparent pixels"):
        read_colour_pages(clear, {(1, 2, 3): 1})
    Pillow.fromarray(np.array([[0, 700]], np.uint16)).save(tmp_path / "i.png")
    with pytest.raises(InputError, match="of mode I;16"):
        read_colour_pages(tmp_path / "i.png", {(1, 2, 3): 1})
