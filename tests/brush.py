"""Packs masks as Label Studio's brush does, bit by bit, independently of the reader."""

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

LENGTH_BITS = (3, 4, 8, 16)


def pack_brush(mask: NDArray[np.bool_], *, literal: bool = False, alpha: int = 255) -> list[int]:
    """The bytes of an H x W mask; with `literal` in runs of unequal values where it can be."""
    values = np.zeros((*mask.shape, 4), np.uint8)
    values[mask] = (10, 20, 30, alpha)
    flat = values.ravel().tolist()
    bits = f"{len(flat):032b}{8 - 1:05b}" + "".join(f"{size - 1:04b}" for size in LENGTH_BITS)
    if literal:
        for start in range(0, len(flat), 16):
            part = flat[start : start + 16]
            bits += "0" + "01" + f"{len(part) - 1:04b}" + "".join(f"{value:08b}" for value in part)
    else:
        for value, group in groupby(flat):
            left = len(list(group))
            while left:
                kind = next((k for k, size in enumerate(LENGTH_BITS) if left <= 2**size), 3)
                length = min(left, 2 ** LENGTH_BITS[kind])
                bits += "1" + f"{kind:02b}" + f"{length - 1:0{LENGTH_BITS[kind]}b}" + f"{value:08b}"
                left -= length
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
