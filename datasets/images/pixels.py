"""Read the pixels of an image file."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.images.bit_depth import IntensityRange, read_deep, scale_to_8_bits
from datasets.images.decode_limit import DECODE_ERRORS, check_decodable, open_image
from datasets.images.image_file import (
    PNG_SIGNATURE,
    check_whole,
    read_image_bytes,
    unreadable,
)
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

STRIP_PIXELS = 2**22
# In the header of a PNG: 8 bits per channel, RGB, the usual compression, filters and order of rows.
PLAIN_HEADER = b"\x08\x02\0\0\0"
MORE_THAN_COLOURS = (b"tRNS", b"acTL")  # transparency, several images


def read_rgb(path: Path, ranges: Sequence[IntensityRange] = ()) -> "NDArray[np.uint8]":
    """Decode `path` to H x W x 3 uint8 RGB, turned upright by its EXIF orientation.

    Grey is repeated in all channels, alpha is dropped. Images with more than 8 bits per channel are scaled by
    `ranges`, or by their own bit depth; see datasets.images.bit_depth. Raises InputError if the file cannot be
    read or has more pixels than datasets.images.decode_limit allows.
    """
    return _read_rgb(path, ranges, None)


def read_sized(path: Path, width: int, height: int, ranges: Sequence[IntensityRange] = ()) -> "NDArray[np.uint8]":
    """`read_rgb` of an image whose listed size in pixels is known.

    Raises InputError before decoding if the image has another size.
    """
    rgb = _read_rgb(path, ranges, (width, height))
    check_size(path, rgb.shape[1], rgb.shape[0], width, height)
    return rgb


def _read_rgb(path: Path, ranges: Sequence[IntensityRange], listed: tuple[int, int] | None) -> "NDArray[np.uint8]":
    import numpy as np
    from PIL import ImageOps

    data = read_image_bytes(path)
    may_be_rotated = check_whole(path, data)
    try:
        with open_image(io.BytesIO(data)) as image:
            check_decodable(path, *image.size)
            if listed is not None and sorted(image.size) != sorted(listed):  # EXIF may swap the sides
                check_size(path, *image.size, *listed)
            deep = read_deep(path, data)
            if deep is not None:
                scaled = scale_to_8_bits(deep, ranges)
                grey = scaled.ndim == 2
                return np.repeat(scaled[:, :, None], 3, axis=2) if grey else np.ascontiguousarray(scaled)
            plain = None if may_be_rotated else _decode_plain_png(data)
            if plain is not None:
                return plain
            ImageOps.exif_transpose(image, in_place=True)
            return _to_array(image.convert("RGBA") if image.mode in {"P", "PA", "LA"} else image)
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from None


def _decode_plain_png(data: bytes) -> "NDArray[np.uint8] | None":
    """H x W x 3 of a PNG of RGB with 8 bits per channel; None for other files and those OpenCV cannot decode.

    The pixels are those of Pillow, in 0.7 to 0.8 of its time (docs/benchmarks.md). Pillow names what is wrong with
    a damaged file.
    """
    import cv2
    import numpy as np

    if data[:8] != PNG_SIGNATURE or data[24:29] != PLAIN_HEADER or any(name in data for name in MORE_THAN_COLOURS):
        return None
    try:
        decoded: NDArray[np.uint8] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # OpenCV has its own limits
        return None
    return decoded


def _to_array(image: "Image") -> "NDArray[np.uint8]":
    """H x W x 3 RGB of a decoded image, converted in strips to avoid a second full copy."""
    import numpy as np

    width, height = image.size
    image.load()
    rows = max(1, STRIP_PIXELS // width)
    if rows >= height:
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    rgb = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        rgb[top : top + rows] = np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))
    return rgb


def check_size(where: Path | str, found_width: int, found_height: int, width: int, height: int) -> None:
    """Raise InputError if an image has another size than listed."""
    if (found_width, found_height) != (width, height):
        sizes = f"{found_width} x {found_height} pixels, listed as {width} x {height}"
        raise InputError(where, sizes, "convert the dataset again")
