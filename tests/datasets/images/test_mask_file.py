import io
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from datasets.images.mask_file import read_mask
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
    with pytest.raises(InputError, match="2147483647 x 2147483647 pixels in so few bytes"):
        read_mask(tmp_path / "m.png")


def test_the_emptiest_mask_is_none_of_these(tmp_path) -> None:
    Pillow.new("1", (5000, 5000)).save(tmp_path / "m.png", optimize=True)
    assert not read_mask(tmp_path / "m.png", empty_ok=True).any()


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
