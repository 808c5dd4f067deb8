"""Plain PNGs are decoded by OpenCV, all others by Pillow, to the same pixels and with the same errors."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from datasets.images.pixels import read_rgb
from system.errors import InputError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS = np.random.default_rng(5).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether OpenCV was asked, and gave pixels, at each call."""
    calls: list[bool] = []
    decode = cv2.imdecode

    def noted(*arguments: object) -> object:
        found = decode(*arguments)  # type: ignore[call-overload]
        calls.append(found is not None)
        return found

    monkeypatch.setattr(cv2, "imdecode", noted)
    return calls


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(compressed: bytes, *before: bytes) -> bytes:
    """A PNG of the size of PIXELS, with all checksums right whatever the compressed data are."""
    header = struct.pack(">IIBBBBB", PIXELS.shape[1], PIXELS.shape[0], 8, 2, 0, 0, 0)
    return b"".join([SIGNATURE, chunk(b"IHDR", header), *before, chunk(b"IDAT", compressed), chunk(b"IEND", b"")])


def rows(pixels: NDArray[np.uint8]) -> bytes:
    """The rows as a PNG stores them, each without a filter."""
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_plain_png_is_read_by_opencv(tmp_path: Path, level: int, decoded: list[bool]) -> None:
    path = saved(Image.fromarray(PIXELS), tmp_path / "a.png", compress_level=level)
    found = read_rgb(path)
    assert np.array_equal(found, PIXELS)
    assert (found.dtype, found.flags.c_contiguous) == (np.uint8, True)
    assert decoded == [True]


def test_colour_spaces_and_texts_change_no_pixel(tmp_path: Path, decoded: list[bool]) -> None:
    gamma, chromaticity = chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"sRGB", b"\0")
    path = tmp_path / "a.png"
    for before in (gamma, chromaticity, chunk(b"tEXt", b"Comment\0a text")):
        path.write_bytes(png(zlib.compress(rows(PIXELS)), before))
        assert np.array_equal(read_rgb(path), PIXELS)
    assert decoded == [True] * 3


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA"])
def test_other_pngs_are_read_by_pillow(tmp_path: Path, mode: str, decoded: list[bool]) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    expected = np.asarray(image.convert("RGBA" if mode in {"P", "LA"} else mode).convert("RGB"))
    assert np.array_equal(read_rgb(saved(image, tmp_path / "a.png")), expected)
    assert decoded == []


def test_transparent_and_rotated_pngs_are_read_by_pillow(tmp_path: Path, decoded: list[bool]) -> None:
    image = Image.fromarray(PIXELS)
    assert np.array_equal(read_rgb(saved(image, tmp_path / "t.png", transparency=(1, 2, 3))), PIXELS)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    assert np.array_equal(read_rgb(saved(image, tmp_path / "r.png", exif=exif)), np.rot90(PIXELS, -1))
    info = PngInfo()
    info.add_text("Raw profile type exif", "no EXIF")
    assert np.array_equal(read_rgb(saved(image, tmp_path / "p.png", pnginfo=info)), PIXELS)
    assert decoded == []


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "another checksum": lambda whole: whole[:-4] + b"\0\0\0\0",
    "a flipped bit": lambda whole: whole[:900] + bytes([whole[900] ^ 255]) + whole[901:],
    "nothing": lambda _whole: b"",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_pixels_are_an_error(tmp_path: Path, name: str, decoded: list[bool]) -> None:
    """The checksums of the chunks are right, so only the decoder can notice."""
    path = tmp_path / "a.png"
    path.write_bytes(png(DAMAGE[name](zlib.compress(rows(PIXELS)))))
    with pytest.raises(InputError, match="cannot be read as an image"):
        read_rgb(path)
    assert decoded == [False]


def test_what_opencv_refuses_pillow_may_read(tmp_path: Path, decoded: list[bool]) -> None:
    """Without the checksum of the pixels the image is whole."""
    path = tmp_path / "a.png"
    path.write_bytes(png(zlib.compress(rows(PIXELS))[:-4]))
    assert np.array_equal(read_rgb(path), np.asarray(Image.open(io.BytesIO(path.read_bytes()))))
    assert decoded == [False]
