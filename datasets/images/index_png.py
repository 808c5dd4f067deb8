"""Index PNGs, small and fast to write: as few bits per pixel as the largest index needs, no filter.

Source: https://www.w3.org/TR/png-3/, section 7.2.
"""

import struct
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from isal import isal_zlib

from datasets.images.image_file import PNG_SIGNATURE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 1  # of deflate; pixel masks are mostly background, which every level compresses well
BLANK_ROWS = 64  # rows of background, compressed once and repeated
LAST_BLOCK = b"\x03\x00"  # an empty last block of deflate
ADLER = 65521


def encode_index_png(indices: "NDArray[np.uint8]", palette: Sequence[int]) -> bytes:
    """PNG of H x W indices.

    `palette` contains red, green, blue of each index; after its end, its colours from the second on are repeated.
    """
    import numpy as np

    height, width = indices.shape
    largest = indices.max(axis=1)
    bits = _bits_for(int(largest.max()))
    used = np.flatnonzero(largest)
    top, bottom = (int(used[0]), int(used[-1]) + 1) if used.size else (0, 0)
    packed = _pack(indices[top:bottom], bits)
    rows = np.zeros((bottom - top, 1 + -(-width * bits // 8)), np.uint8)  # the first byte of a row: no filter
    rows[:, 1:] = packed[:, : rows.shape[1] - 1]
    header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    body = _deflate(rows.reshape(-1).data, rows.shape[1], top, height - bottom)
    return b"".join(
        (
            PNG_SIGNATURE,
            _chunk(b"IHDR", header),
            _palette(bits, tuple(palette)),
            _chunk(b"IDAT", body),
            _chunk(b"IEND", b""),
        )
    )


def _bits_for(largest: int) -> int:
    """The number of bits per pixel that a PNG needs for indices up to `largest`."""
    return next(bits for bits in (1, 2, 4, 8) if largest < 1 << bits)


def _deflate(rows: memoryview, length: int, above: int, below: int) -> bytes:
    """The zlib stream (RFC 1950, RFC 1951) of some rows of `length` bytes between blank ones.

    Most rows of a pixel mask are blank. Their part of the stream is made once, as blocks that refer to no data
    before them. Its checksum is computed without reading the data: each zero byte adds the first sum to the
    second.
    """
    checksum = above * length % ADLER << 16 | 1
    checksum = isal_zlib.adler32(rows, checksum)
    low, high = checksum & 0xFFFF, checksum >> 16
    high = (high + below * length * low) % ADLER
    parts = (b"\x78\x01", _blank(above, length), _blocks(rows), _blank(below, length), LAST_BLOCK)
    return b"".join(parts) + struct.pack(">I", high << 16 | low)


def _blank(count: int, length: int) -> bytes:
    many, rest = divmod(count, BLANK_ROWS)
    return _blank_blocks(BLANK_ROWS, length) * many + _blank_blocks(rest, length)


@lru_cache(1024)
def _blank_blocks(count: int, length: int) -> bytes:
    return _blocks(bytes(count * length))


def _blocks(data: bytes | memoryview) -> bytes:
    """Whole deflate blocks that end at a byte boundary, none of them marked as the last.

    A full flush makes the compressor forget its history, so one compressor serves all images: creating a new one
    takes a quarter of a megabyte and longer than compressing a mask.
    """
    if not len(data):
        return b""
    try:
        compressor = _IDLE_COMPRESSORS.pop()
    except IndexError:
        compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
    packed = compressor.compress(data) + compressor.flush(isal_zlib.Z_FULL_FLUSH)
    _IDLE_COMPRESSORS.append(compressor)
    return packed


_IDLE_COMPRESSORS: "list[isal_zlib.Compress]" = []


def _pack(indices: "NDArray[np.uint8]", bits: int) -> "NDArray[np.uint8]":
    """Rows of packed bytes, the leftmost index in the highest bits of a byte."""
    import numpy as np

    if bits == 8:
        return indices
    if bits == 1:
        return np.packbits(indices, axis=1)
    per_byte = 8 // bits
    missing = -indices.shape[1] % per_byte
    padded = np.ascontiguousarray(np.pad(indices, ((0, 0), (0, missing))) if missing else indices)
    # one multiplication moves all indices of a byte to their places in the highest byte
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
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", isal_zlib.crc32(kind + data))
