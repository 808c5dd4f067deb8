"""Read the pixels of an image file."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.images.bit_depth import IntensityRange, read_deep, scale_to_8_bits
from datasets.images.image_file import (
    check_whole,
    disable_decompression_bomb_check,
    read_image_bytes,
    unreadable,
)
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_rgb(path: Path, ranges: Sequence[IntensityRange] = ()) -> "NDArray[np.uint8]":
    """Decode `path` to H x W x 3 uint8 RGB, upright by its EXIF orientation.

    Grey is repeated, alpha is dropped. Images with more than 8 bits per channel are scaled by `ranges`, or by
    their own bit depth; see datasets.images.bit_depth. Raises InputError where the file cannot be read.
    """
    import numpy as np
    from PIL import Image, ImageOps

    data = read_image_bytes(path)
    check_whole(path, data)
    deep = read_deep(path, data)
    if deep is not None:
        scaled = scale_to_8_bits(deep, ranges)
        return np.repeat(scaled[:, :, None], 3, axis=2) if scaled.ndim == 2 else np.ascontiguousarray(scaled)
    disable_decompression_bomb_check()
    try:
        with Image.open(io.BytesIO(data)) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode in {"P", "PA", "LA"}:
                image = image.convert("RGBA")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise unreadable(path, error) from None


def read_sized(path: Path, width: int, height: int, ranges: Sequence[IntensityRange] = ()) -> "NDArray[np.uint8]":
    """`read_rgb` of an image that is listed with a size in pixels. Raises InputError where it has another size."""
    rgb = read_rgb(path, ranges)
    check_size(path, rgb, width, height)
    return rgb


def check_size(where: Path | str, rgb: "NDArray[np.uint8]", width: int, height: int) -> None:
    """Raise InputError where the H x W x 3 image has another size than listed."""
    if rgb.shape[:2] != (height, width):
        sizes = f"{rgb.shape[1]} x {rgb.shape[0]} pixels, listed as {width} x {height}"
        raise InputError(where, sizes, "convert the dataset again")
