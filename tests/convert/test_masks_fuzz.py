"""Masks whose colours or values name types, and labelmaps, with arbitrary content: refused, or read exactly.

`DEFECTLINE_FUZZ_EXAMPLES` sets how many inputs are drawn (400 unless set).
"""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as PilImage

from convert.execution import Execution
from convert.masks2coco import MasksOptions, masks2coco
from datasets.formats.labelmap import LABELMAP, palette_colour, read_labelmap
from datasets.formats.mask_folders import MaskFile
from datasets.formats.mask_layers import MaskContent, MaskMeaning, read_mask_content
from datasets.images.colour_mask import Colour
from system.errors import DefectlineError

EXAMPLES = int(os.environ.get("DEFECTLINE_FUZZ_EXAMPLES", "400"))
FIXTURE_IS_FINE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=FIXTURE_IS_FINE)
SOME = settings(max_examples=max(EXAMPLES // 10, 20), deadline=None, suppress_health_check=FIXTURE_IS_FINE)

HEIGHT, WIDTH = 6, 8
BLACK: Colour = (0, 0, 0)
VOID: Colour = (224, 224, 192)
COLOURS = st.sampled_from(
    [BLACK, (255, 0, 0), (0, 255, 0), (1, 0, 0), (0, 0, 1), (255, 255, 255), VOID, (128, 0, 0)]
)
TYPES = st.lists(COLOURS, min_size=1, max_size=4, unique=True)
PIXELS = st.lists(st.integers(0, 3), min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH)
MODES = st.sampled_from(["RGB", "RGBA", "P", "P-shuffled", "L", "transparent", "BMP", "TIFF", "pages"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("masks")
    (root / "p").mkdir()
    (root / "m").mkdir()
    PilImage.new("RGB", (WIDTH, HEIGHT)).save(root / "p/a.png")
    return root


def colours_of(image: PilImage.Image) -> list[Colour]:
    """The pixels that a viewer shows, by Pillow's rule for each mode."""
    return [tuple(int(v) for v in rgb) for rgb in np.asarray(image.convert("RGB")).reshape(-1, 3)]  # type: ignore[misc]


def save(path: Path, used: list[Colour], pixels: list[int], mode: str) -> list[list[Colour]]:
    """Write a mask of these colours in a mode; the colours of each page as shown."""
    shown = [used[value % len(used)] for value in pixels]
    image = PilImage.fromarray(np.array(shown, np.uint8).reshape(HEIGHT, WIDTH, 3))
    if mode in {"P", "P-shuffled"}:
        order = list(dict.fromkeys(shown))
        order = order[::-1] if mode == "P-shuffled" else order
        indices = np.array([order.index(colour) for colour in shown], np.uint8).reshape(HEIGHT, WIDTH)
        image = PilImage.fromarray(indices, "P")
        image.putpalette([value for colour in order for value in colour])
    elif mode == "L":
        image = image.convert("L")
    elif mode == "RGBA":
        image.putalpha(255)
    elif mode == "transparent":
        image.putalpha(PilImage.fromarray(np.array(pixels, np.uint8).reshape(HEIGHT, WIDTH) * 85))
    pages = [image]
    if mode == "pages":
        pages.append(image.transpose(PilImage.Transpose.FLIP_LEFT_RIGHT))
    kind = {"BMP": "BMP", "TIFF": "TIFF", "pages": "TIFF"}.get(mode, "PNG")
    pages[0].save(path, kind, **({"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}))
    return [colours_of(page) for page in pages]


def layers_of(content: MaskContent) -> list[tuple[int, set[int]]]:
    """(category, flat positions) of each layer."""
    return [(layer.category_id, set(np.flatnonzero(layer.pixels).tolist())) for layer in content.layers]


def expected(pages: Iterable[list[Colour]], ids: dict[Colour, int]) -> list[tuple[int, set[int]]]:
    found = []
    for shown in pages:
        for category in sorted(set(ids.values()) - {0}):
            of_type = {i for i, colour in enumerate(shown) if ids.get(colour) == category}
            found += [(category, of_type)] if of_type else []
    return found


@MANY
@given(TYPES, TYPES, PIXELS, MODES, st.booleans())
def test_a_coloured_mask_is_read_as_viewers_show_it_or_refused(
    folder: Path, types: list[Colour], used: list[Colour], pixels: list[int], mode: str, void: bool
) -> None:
    path = folder / "m/a.png"
    pages = save(path, used, pixels, mode)
    ids = {BLACK: 0} | ({VOID: 255} if void else {}) | {colour: k for k, colour in enumerate(types, 1)}
    meaning = MaskMeaning(count=len(types), colours=tuple((c, k) for k, c in enumerate(types, 1)), void=void)
    known = all(colour in ids for page in pages for colour in page)
    try:
        content = read_mask_content(MaskFile(path), meaning)
    except DefectlineError:
        assert not known or mode == "transparent"
        return
    assert known
    assert content.size == (HEIGHT, WIDTH)
    assert layers_of(content) == expected(pages, {c: k for c, k in ids.items() if k != 255})
    void_pixels = {i for page in pages for i, colour in enumerate(page) if ids[colour] == 255}
    assert set(np.flatnonzero(content.void).tolist() if content.void is not None else []) == void_pixels


@MANY
@given(st.lists(st.integers(0, 5) | st.just(255), min_size=48, max_size=48), st.integers(1, 5), st.booleans())
def test_an_index_mask_is_read_by_its_values_or_refused(
    folder: Path, values: list[int], count: int, void: bool
) -> None:
    path = folder / "m/a.png"
    pixels: NDArray[np.uint8] = np.array(values, np.uint8).reshape(HEIGHT, WIDTH)
    PilImage.fromarray(pixels).save(path)
    meaning = MaskMeaning(count=count, indices=True, void=void)
    try:
        content = read_mask_content(MaskFile(path), meaning)
    except DefectlineError:
        assert any(value > count and not (void and value == 255) for value in values)
        return
    present = [k for k in range(1, count + 1) if k in values]
    assert layers_of(content) == [(k, {i for i, value in enumerate(values) if value == k}) for k in present]
    assert (content.void is not None) == (void and 255 in values)


NAMES = st.sampled_from(["chip", "background", "Background", "ignored", "", " ", "größe", "a:b", "#chip", "chip "])
NUMBERS = st.sampled_from(["0", "255", "256", "-1", " 7", "1.5", "", "x", "٣", "0x10"])
ROWS = st.lists(st.tuples(NAMES, st.lists(NUMBERS, max_size=4)), max_size=5)


@MANY
@given(ROWS, st.sampled_from(["{}:{}::", "{}:{}", "{},{}", "{}", "{}:::"]), st.binary(max_size=30))
def test_any_labelmap_names_types_of_distinct_colours_or_is_refused(
    folder: Path, rows: list[tuple[str, list[str]]], form: str, data: bytes
) -> None:
    for content in ("\n".join(form.format(name, ",".join(v)) for name, v in rows).encode(), data):
        (folder / LABELMAP).write_bytes(content)
        try:
            types = read_labelmap(folder / LABELMAP)
        except DefectlineError:
            continue
        assert types
        assert len({colour for _, colour in types}) == len(types)
        assert all(name == name.strip() != "" for name, _ in types)
        assert not any(name.casefold() == "background" for name, _ in types)
        assert all(0 <= value <= 255 for _, colour in types for value in colour)


@SOME
@given(TYPES, PIXELS, MODES, st.sampled_from(["refuse", "leave-out", "ignore"]), st.binary(max_size=30))
def test_any_coloured_mask_becomes_a_dataset_or_nothing(
    folder: Path, tmp_path: Path, types: list[Colour], pixels: list[int], mode: str, void: str, data: bytes
) -> None:
    named = tuple((f"t{k}", colour) for k, colour in enumerate(types))
    path, dest = folder / "m/a.png", tmp_path / "d"
    options = MasksOptions(folder / "m", (), colours=named, void=void)  # type: ignore[arg-type]
    save(path, types, pixels, mode)
    for content in (path.read_bytes(), data):
        path.write_bytes(content)
        try:
            report = masks2coco(folder / "p", dest, options, Execution(overwrite=True, jobs=1))
        except DefectlineError:
            pass
        else:
            assert report.written["images"] in {0, 1}
            assert dest.is_dir()
        assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_the_palette_of_pascal_voc_has_the_colours_of_the_kit() -> None:
    kit = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128), (0, 128, 128)]
    assert [palette_colour(k) for k in range(7)] == kit
