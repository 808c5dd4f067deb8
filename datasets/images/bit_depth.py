"""Images with more than 8 bits per channel, and the values that become black and white.

An integer image is scaled by its bit depth: the smallest of 8, 10, 12, 14 and 16 bits that holds its largest value
(cameras write 10 or 12 bits into 16-bit files). Values above 16 bits or below 0, and fractions outside 0 to 1, are
scaled from the smallest to the largest value. All images of a dataset are scaled by one range, which
`dataset.json` records. If no range is recorded, an image is scaled by its own range. 8-bit images are never
scaled.
"""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.images.decode_limit import DECODE_ERRORS, check_decodable, open_image
from datasets.images.image_file import (
    EXIF_ORIENTATION,
    PNG_SIGNATURE,
    read_image_bytes,
    read_start,
)
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BIT_DEPTHS = (8, 10, 12, 14, 16)
DEEP_SUFFIXES = frozenset({".png", ".tif", ".tiff"})
BITS_PER_SAMPLE = 258  # TIFF tag
STRIP_VALUES = 2**20


class IntensityRange(msgspec.Struct, frozen=True):
    """The values that become black and white, of images with integers or with fractions."""

    values: Literal["integer", "fraction"]
    black: float
    white: float


def read_deep(path: Path | str, data: bytes) -> "NDArray[np.generic] | None":
    """The values of an image file with more than 8 bits per channel: H x W or H x W x 3 (RGB), upright; else None.

    Raises InputError for a damaged file.
    """
    import numpy as np
    from PIL import ImageOps

    if not may_be_deep(data):
        return None
    try:
        with open_image(io.BytesIO(data)) as image:
            check_decodable(path, *image.size)
            bits = _bits_per_sample(image, data)
            if image.mode.startswith(("I", "F")):
                return np.asarray(ImageOps.exif_transpose(image))
            return _decode_by_opencv(path, data, image.getexif().get(EXIF_ORIENTATION, 1)) if bits > 8 else None
    except DECODE_ERRORS as error:
        raise InputError(path, f"cannot be read as an image ({error})", "replace it with an intact copy") from None


def measure_range(values: "NDArray[np.generic]") -> IntensityRange:
    """The range of the values of one image, by the rule of this module."""
    import numpy as np

    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return _range_of("fraction" if values.dtype.kind == "f" else "integer", low, high)


def join_ranges(ranges: Iterable[IntensityRange]) -> list[IntensityRange]:
    """One range for all images with integers, and one for all images with fractions."""
    joined: dict[str, IntensityRange] = {}
    for one in ranges:
        known = joined.get(one.values, one)
        black, white = min(known.black, one.black), max(known.white, one.white)
        joined[one.values] = IntensityRange(one.values, black, white)
    return [joined[name] for name in sorted(joined)]


def measure_ranges(paths: Iterable[Path]) -> list[IntensityRange]:
    """The ranges of a dataset with the images at `paths`; an empty list if all have 8 bits."""
    joined = []
    for path in paths:
        if path.suffix.lower() in DEEP_SUFFIXES:
            start = read_start(path, 26)
            values = read_deep(path, read_image_bytes(path)) if may_be_deep(start) else None
            joined += [measure_range(values)] if values is not None else []
    return join_ranges(joined)


def may_be_deep(start: bytes) -> bool:
    """Whether a file that begins with `start` (26 bytes or more) may have more than 8 bits per channel."""
    if start.startswith(PNG_SIGNATURE):
        return len(start) > 24 and start[24] > 8
    return start.startswith((b"II", b"MM"))  # TIFF


def scale_to_8_bits(values: "NDArray[np.generic]", ranges: Sequence[IntensityRange] = ()) -> "NDArray[np.uint8]":
    """H x W or H x W x C values as uint8, scaled by the recorded range of their kind or else by their own.

    Integers keep their highest 8 bits; fractions are rounded.
    """
    import numpy as np

    kind = "fraction" if values.dtype.kind == "f" else "integer"
    span = next((one for one in ranges if one.values == kind), None) or measure_range(values)
    width = span.white - span.black
    scaled = np.empty(values.shape, np.uint8)
    rows = max(1, STRIP_VALUES // max(1, values[:1].size))
    for top in range(0, len(values), rows):  # 64-bit numbers of a whole large image take too much memory
        strip = values[top : top + rows]
        shifted = np.nan_to_num(strip.astype(np.float64), nan=span.black) - span.black
        if kind == "integer":
            numbers = np.floor(shifted * (256 / (width + 1)))
        else:
            numbers = np.rint(shifted * (255 / width if width else 0))
        scaled[top : top + rows] = np.clip(numbers, 0, 255).astype(np.uint8)
    return scaled


def _range_of(kind: Literal["integer", "fraction"], low: float, high: float) -> IntensityRange:
    if kind == "fraction":
        return IntensityRange(kind, 0.0, 1.0) if low >= 0 and high <= 1 else IntensityRange(kind, low, high)
    if low < 0 or high >= 1 << BIT_DEPTHS[-1]:
        return IntensityRange(kind, low, high)
    bits = next(bits for bits in BIT_DEPTHS if high < 1 << bits)
    return IntensityRange(kind, 0.0, float((1 << bits) - 1))


def _bits_per_sample(image: object, data: bytes) -> int:
    if data.startswith(PNG_SIGNATURE):
        return data[24]
    tags = getattr(image, "tag_v2", None)
    bits = tags.get(BITS_PER_SAMPLE, 8) if tags is not None else 8
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _decode_by_opencv(path: Path | str, data: bytes, orientation: int) -> "NDArray[np.generic]":
    """Pillow keeps 8 of 16 bits of colours."""
    import cv2
    import numpy as np

    if orientation != 1:
        problem = f"a colour image with 16 bits per channel and EXIF orientation {orientation}"
        raise InputError(path, problem, "save it upright")
    try:
        decoded: NDArray[np.generic] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # OpenCV has its own limits
        decoded = None
    if decoded is None:
        raise InputError(path, "cannot be read as an image", "save it as an 8-bit or 16-bit PNG")
    if decoded.ndim == 3 and decoded.shape[2] == 2:
        return decoded[:, :, 0]
    return decoded if decoded.ndim == 2 else decoded[:, :, 2::-1]
