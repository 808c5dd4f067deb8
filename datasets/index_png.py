"""Index PNGs, small and quick to write: as few bits a pixel as the largest index needs, no filter.

Source: https://www.w3.org/TR/png-3/, section 7.2.
"""

import struct
import zlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from datasets.images import PNG_SIGNATURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 1  # of deflate; pixel masks are mostly background, which any level packs well


def encode_index_png(indices: "NDArray[np.uint8]", palette: Sequence[int]) -> bytes:
    """PNG of H x W indices; `palette` is red, green, blue of each index, repeated from the second colour on."""
    import numpy as np

    height, width = indices.shape
    largest = indices.max(axis=1)
    bits = _bits(int(largest.max()))
    used = np.flatnonzero(largest)
    rows = np.zeros((height, 1 + -(-width * bits // 8)), np.uint8)  # the first byte of a row says: no filter
    if used.size:
        rows[used[0] : used[-1] + 1, 1:] = _pack(indices[used[0] : used[-1] + 1], bits)
    header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    body = zlib.compress(rows.data, LEVEL)
    return b"".join(
        (
            PNG_SIGNATURE,
            _chunk(b"IHDR", header),
            _palette(bits, tuple(palette)),
            _chunk(b"IDAT", body),
            _chunk(b"IEND", b""),
        )
    )


def _bits(largest: int) -> int:
    return next(bits for bits in (1, 2, 4, 8) if largest < 1 << bits)


def _pack(indices: "NDArray[np.uint8]", bits: int) -> "NDArray[np.uint8]":
    """Several indices in a byte, the leftmost in the highest bits."""
    import numpy as np

    if bits == 8:
        return indices
    if bits == 1:
        return np.packbits(indices, axis=1)
    per_byte = 8 // bits
    missing = -indices.shape[1] % per_byte
    padded = np.ascontiguousarray(np.pad(indices, ((0, 0), (0, missing))) if missing else indices)
    # one multiplication moves all pixels of a byte to their places in the highest byte
    words = padded.view("<u4" if bits == 2 else "<u2")
    factor, shift = (0x40100401, 24) if bits == 2 else (0x1001, 8)
    highest: NDArray[np.uint8] = (words * words.dtype.type(factor) >> words.dtype.type(shift)).astype(np.uint8)
    return highest


@cache
def _palette(bits: int, palette: tuple[int, ...]) -> bytes:
    colours = [bytes(palette[i : i + 3]) for i in range(0, len(palette), 3)]
    repeated = [colours[0], *(colours[1 + i % (len(colours) - 1)] for i in range((1 << bits) - 1))]
    return _chunk(b"PLTE", b"".join(repeated))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
