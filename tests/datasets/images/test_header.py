import io

import numpy as np
import pytest
from PIL import Image as Picture

from datasets.images.header import plain_jpeg, plain_png

RGB = np.random.default_rng(0).integers(0, 256, (21, 34, 3), np.uint8)


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Picture.fromarray(RGB).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_plain_pngs_say_what_pillow_says(mode: str) -> None:
    data = saved("PNG", mode)
    picture = Picture.open(io.BytesIO(data))
    assert plain_png(data) == (34, 21, mode) == (*picture.size, picture.mode)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"comment": b"x" * 300}, {"icc_profile": b"p" * 99}]
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_plain_jpegs_say_what_pillow_says(mode: str, options: dict[str, object]) -> None:
    data = saved("JPEG", mode, **options)
    picture = Picture.open(io.BytesIO(data))
    assert plain_jpeg(data) == (34, 21, mode) == (*picture.size, picture.mode)


def test_the_rest_is_left_to_pillow() -> None:
    exif = Picture.Exif()
    exif[0x0112] = 6
    assert plain_jpeg(saved("JPEG", exif=exif)) is None
    assert plain_jpeg(saved("JPEG", "CMYK")) is None
    assert plain_jpeg(saved("JPEG", xmp=b"<tiff:Orientation>6</tiff:Orientation>")) is None
    assert plain_jpeg(saved("PNG")) is None
    assert plain_png(saved("PNG", "I;16")) is None
    assert plain_png(saved("JPEG")) is None


@pytest.mark.parametrize("length", range(0, 640, 7))
def test_a_cut_header_is_no_plain_one(length: int) -> None:
    data = saved("JPEG")
    scan = data.index(b"\xff\xda")
    cut = plain_jpeg(data[:length])
    assert cut == ((34, 21, "RGB") if length >= scan + 10 else None)
