"""How large an image file may be. Any file can have the name of an image, and it is read whole to be decoded."""

import io
import os
from pathlib import Path

from datasets.images.decode_limit import DECODE_ERRORS, open_image
from system.errors import InputError
from system.files import MAX_BYTES, check_length, check_regular

UNCHECKED_BYTES = 2**26  # 64 MiB: up to this size the content of a file is not looked at before it is read
BYTES_PER_PIXEL = 16  # four channels of 32 bits, not compressed
HEADER_BYTES = 2**22  # the size is stated in them, except in a TIFF, where it may be at the end
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def check_image_file(path: Path | str) -> None:
    """Raise InputError for a pipe, a device, and a file that is larger than an image can be; raises OSError.

    A file of more than 64 MiB must have the header of an image and at most 16 bytes for each pixel that the header
    states, beyond these 64 MiB. None may be larger than 2 GiB.
    """
    check_regular(path)
    size = os.stat(path).st_size  # noqa: PTH116  many files
    if size <= UNCHECKED_BYTES:
        return
    check_length(path, size, MAX_BYTES)
    pixels = _stated_pixels(path)
    if pixels is not None and size > UNCHECKED_BYTES + BYTES_PER_PIXEL * pixels:
        problem = f"{size} bytes, but the header of an image of only {pixels} pixels"
        raise InputError(path, problem, "replace it with an intact copy")


def _stated_pixels(path: Path | str) -> int | None:
    """The pixels of all pages by the header; None for a WebP, which Pillow opens only whole."""
    with Path(path).open("rb") as file:
        start = file.read(HEADER_BYTES)
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return None
    is_tiff = start.startswith(TIFF_STARTS)
    try:
        with open_image(Path(path) if is_tiff else io.BytesIO(start)) as image:
            return image.width * image.height * (getattr(image, "n_frames", 1) if is_tiff else 1)
    except DECODE_ERRORS:
        problem = f"cannot be read as an image (not an image, and {os.stat(path).st_size} bytes)"  # noqa: PTH116
        raise InputError(path, problem, "replace it with an intact copy") from None
