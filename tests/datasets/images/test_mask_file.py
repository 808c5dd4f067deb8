import io
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from datasets.images.mask_file import looks_inverted, read_indices, read_mask
from system.errors import InputError


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "LA", "RGBA", "I;16", "CMYK", "YCbCr"])
def test_masks_of_every_mode_are_read(tmp_path, mode: str) -> None:
    pixels = np.zeros((4, 5), np.uint8)
    pixels[1:3, 2:4] = 255
    image = Pillow.fromarray(pixels.astype(np.uint16) * 257 if mode == "I;16" else pixels)
    if mode == "P":
        image = Pillow.fromarray(pixels // 255)
        image.putpalette([0, 0, 0, 9, 99, 200])
    elif mode != "I;16":
        image = image.convert(mode)
    assert image.mode == mode
    path = tmp_path / ("m.tif" if mode in {"CMYK", "YCbCr"} else "m.png")
    image.save(path)
    assert np.array_equal(read_mask(path), pixels > 0)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_mask_that_is_drawn_by_its_transparency_is_refused(tmp_path, mode: str) -> None:
    alpha = np.zeros((4, 5), np.uint8)
    alpha[1:3, 2:4] = 255
    white = Pillow.new("L", (5, 4), 255).convert(mode)
    white.putalpha(Pillow.fromarray(alpha))
    white.save(tmp_path / "white.png")
    with pytest.raises(InputError, match="a value where it is transparent"):
        read_mask(tmp_path / "white.png")
    same = Pillow.fromarray(alpha).convert(mode)
    same.putalpha(Pillow.fromarray(alpha))
    same.save(tmp_path / "same.png")
    assert np.array_equal(read_mask(tmp_path / "same.png"), alpha > 0)


def test_two_values_without_black_are_refused_and_a_threshold_takes_them(tmp_path) -> None:
    Pillow.fromarray(np.array([[100, 200]], np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(InputError, match="2 grey values \\(100, 200\\)"):
        read_mask(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", threshold=200).tolist() == [[False, True]]
    with pytest.raises(InputError, match="no pixel reaches --threshold 201 \\(largest is 200\\)"):
        read_mask(tmp_path / "m.png", threshold=201)


def test_a_header_that_promises_more_than_a_file_can_hold_is_refused(tmp_path) -> None:
    # found by fuzzing: Pillow would take the memory for it first
    data = bytearray(_png(np.full((4, 4), 255, np.uint8)))
    data[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "m.png").write_bytes(data)
    with pytest.raises(InputError, match="2147483647 x 2147483647 pixels, too many for so small a file"):
        read_mask(tmp_path / "m.png")


def test_an_empty_mask_is_not_in_this_list(tmp_path) -> None:
    Pillow.new("1", (5000, 5000)).save(tmp_path / "m.png", optimize=True)
    assert not read_mask(tmp_path / "m.png", empty_ok=True).any()


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def palette_mask(path, indices: np.ndarray, *colours: tuple[int, int, int]) -> None:
    image = Pillow.fromarray(indices.astype(np.uint8))
    image.putpalette([v for colour in colours for v in colour])
    image.save(path)


def test_the_colours_of_a_palette_count_and_not_its_order(tmp_path) -> None:
    defect = np.zeros((9, 12), bool)
    defect[2:5, 3:9] = True
    palette_mask(tmp_path / "m.png", ~defect, (255, 255, 255), (0, 0, 0))  # as pngquant may order it
    assert np.array_equal(read_mask(tmp_path / "m.png"), defect)
    assert np.array_equal(read_mask(tmp_path / "m.png", threshold=128), defect)
    assert np.array_equal(read_indices(tmp_path / "m.png", 1), ~defect)


@pytest.mark.parametrize("indices", [[[0, 1, 2]], [[0, 2, 2]]])
def test_an_index_mask_does_not_become_one_type(tmp_path, indices: list[list[int]]) -> None:
    palette_mask(tmp_path / "m.png", np.array(indices), (0, 0, 0), (128, 0, 0), (0, 128, 0))
    with pytest.raises(InputError, match="may be defect types; give --categories"):
        read_mask(tmp_path / "m.png")
    assert read_indices(tmp_path / "m.png", 2).tolist() == indices


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_black_mask_with_the_defect_in_its_transparency_is_refused(tmp_path, mode: str) -> None:
    alpha = np.zeros((4, 5), np.uint8)
    alpha[1:3, 2:4] = 255
    black = Pillow.new("L", (5, 4), 0).convert(mode)
    black.putalpha(Pillow.fromarray(alpha))
    black.save(tmp_path / "m.png")
    with pytest.raises(InputError, match="black everywhere and drawn by its transparency"):
        read_mask(tmp_path / "m.png", empty_ok=True)


def test_a_mask_of_several_pages_is_refused(tmp_path) -> None:
    pages = [Pillow.fromarray(np.full((4, 5), value, np.uint8)) for value in (0, 255)]
    pages[0].save(tmp_path / "m.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match="a mask with 2 pages; save each page"):
        read_mask(tmp_path / "m.tif", empty_ok=True)


def test_a_mask_of_most_of_the_image_looks_inverted() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:5] = True
    assert not looks_inverted(mask)
    mask[5, 0] = True
    assert looks_inverted(mask)


def test_void_is_index_255_where_it_is_allowed(tmp_path) -> None:
    Pillow.fromarray(np.array([[0, 1, 255]], np.uint8)).save(tmp_path / "m.png")
    assert read_indices(tmp_path / "m.png", 1, void=True).tolist() == [[0, 1, 255]]
    with pytest.raises(InputError, match="values 255 in an index mask of 1 categories; give --category NAME"):
        read_indices(tmp_path / "m.png", 1)


def test_no_threshold_helps_an_all_black_mask(tmp_path) -> None:
    Pillow.new("L", (5, 4)).save(tmp_path / "m.png")
    with pytest.raises(InputError, match=r"\(largest is 0\); draw the defect"):
        read_mask(tmp_path / "m.png", threshold=9)
