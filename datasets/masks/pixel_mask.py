"""Pixel masks: one index PNG per image, 0 background, k the k-th category in id order."""

import posixpath
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.images.index_png import encode_index_png
from system.errors import InputError
from system.files import write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PALETTE = (0, 0, 0, 230, 159, 0, 86, 180, 233, 0, 158, 115, 240, 228, 66, 0, 114, 178, 213, 94, 0, 204, 121, 167)
MAX_CATEGORIES = 255  # an index PNG has 8 bits, and 0 is the background


def check_category_count(where: Path | str, count: int) -> None:
    """Raise InputError if a pixel mask cannot hold `count` categories."""
    if count > MAX_CATEGORIES:
        problem = f"{count} categories, but a pixel mask has at most {MAX_CATEGORIES}"
        raise InputError(where, problem, "join some categories")


def mask_name(file_name: str) -> str:
    """The name of the pixel mask of an image, relative to `masks`."""
    return f"{posixpath.splitext(file_name)[0]}.png"


def write_pixel_mask(path: Path | str, indices: "NDArray[np.uint8] | None", height: int, width: int) -> None:
    """Write H x W indices as an index PNG; None means all background. Missing folders are created."""
    data = _blank_png(height, width) if indices is None else encode_index_png(indices, PALETTE)
    try:
        write_file(str(path), data)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_file(str(path), data)


@cache
def _blank_png(height: int, width: int) -> bytes:
    import numpy as np

    return encode_index_png(np.zeros((height, width), np.uint8), PALETTE)
