"""The largest number of pixels that is decoded. It is limited because a file of a few kilobytes can state any
size.

The headers of larger images are still read, and conversions that need only the size accept them.
"""

import io
import logging
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from system.errors import InputError, OptionError

if TYPE_CHECKING:
    from PIL.Image import Image

VARIABLE = "DEFECTLINE_MAX_MEGAPIXELS"
MAX_MEGAPIXELS = 256  # 2^20 pixels each, such as 16384 x 16384
MEGAPIXEL = 2**20
COMMON_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "PPM")  # Pillow runs other programs for some formats
DECODE_ERRORS = (  # the errors that Pillow raises for damaged files; UnidentifiedImageError is an OSError
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)
LATER_FORMATS = ("TIFF", "WEBP")  # Pillow loads their plugins on demand
logging.getLogger("PIL").addHandler(logging.NullHandler())  # it would print errors of a file that are raised too


def open_image(source: "Path | io.BytesIO | str", formats: tuple[str, ...] = ()) -> "Image":
    """An image file opened by Pillow, not decoded. Raises DECODE_ERRORS.

    Only `formats` are opened, by default all that Pillow reads without other programs. `check_decodable` replaces
    Pillow's limit of pixels.
    """
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None
    try:
        return Image.open(source, formats=formats or COMMON_FORMATS)
    except UnidentifiedImageError:
        if formats:
            raise
        from PIL import TiffImagePlugin, WebPImagePlugin  # noqa: F401  importing registers them

        return Image.open(source, formats=COMMON_FORMATS + LATER_FORMATS)


def max_pixels() -> int:
    """The largest number of pixels that is decoded.

    Raises OptionError if the value of the variable is not a number.
    """
    text = os.environ.get(VARIABLE, str(MAX_MEGAPIXELS))
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise OptionError(f"{VARIABLE}={text}", "not a number of megapixels", f"give one such as {MAX_MEGAPIXELS}")
    return int(text[:9]) * MEGAPIXEL


def check_decodable(path: Path | str, width: int, height: int, pages: int = 1) -> None:
    """Raise InputError if an image of this size, or all pages of a file, have too many pixels to decode."""
    limit = max_pixels()
    if width < 1 or height < 1:
        raise InputError(path, f"{width} x {height} pixels", "replace it with an intact copy")
    if width * height * pages > limit:
        size = f"{width} x {height} pixels" + (f" on {pages} pages" if pages > 1 else "")
        needed = -(-width * height * pages // MEGAPIXEL)
        problem = f"{size}, more than the {limit // MEGAPIXEL} megapixels that are decoded"
        remedy = f"cut it into smaller images, or set {VARIABLE}={needed} if there is memory for it"
        raise InputError(path, problem, remedy)
