"""Pixel masks: one index PNG per image, 0 background, k the k-th category in id order."""

import posixpath
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.images.index_png import encode_index_png, encode_packed_png
from system.files import write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from datasets.masks.packed_mask import PackedMask

PALETTE = (0, 0, 0, 230, 159, 0, 86, 180, 233, 0, 158, 115, 240, 228, 66, 0, 114, 178, 213, 94, 0, 204, 121, 167)


def mask_name(file_name: str) -> str:
    """The name of the pixel mask of an image, relative to `masks`."""
    return f"{posixpath.splitext(file_name)[0]}.png"


def write_pixel_mask(path: Path, indices: "NDArray[np.uint8] | None", height: int, width: int) -> None:
    """Write an index PNG: 0 background, k the k-th category in id order; None is all background."""
    data = _blank_png(height, width) if indices is None else encode_index_png(indices, PALETTE)
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write_packed_mask(path: str, mask: "PackedMask | None", height: int, width: int) -> None:
    """`write_pixel_mask` of a mask that was painted as it is stored. The folder of `path` must exist."""
    data = _blank_png(height, width) if mask is None else _packed_png(mask)
    write_file(path, data)


def _packed_png(mask: "PackedMask") -> bytes:
    import numpy as np

    rows = mask.rows.view(np.uint8)
    return encode_packed_png(mask.height, mask.width, mask.bits, mask.top, rows, PALETTE)


@cache
def _blank_png(height: int, width: int) -> bytes:
    import numpy as np

    return encode_packed_png(height, width, 1, 0, np.zeros((0, -(-width // 8)), np.uint8), PALETTE)
