"""Pixel masks painted as they are stored in a PNG: as few bits a pixel as the indices need, packed by rows.

A row is 64-bit words, the leftmost pixel in the highest bits of the first byte. Painting so touches a fraction of
the memory that a byte for each pixel would take, and nothing is left to pack when it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from datasets.edges import measure_edges
from datasets.index_png import bits_for, pack_indices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD = 64


@dataclass(frozen=True, slots=True)
class Patch:
    """The pixels of one mask, every bit of each set: `rows` is h x n words, of which the first is `left`.

    `box` is (x, y, w, h) in pixels, `area` the number of pixels.
    """

    box: tuple[int, int, int, int]
    area: int
    left: int
    rows: "NDArray[np.uint64]"


@dataclass(frozen=True, slots=True)
class PackedMask:
    """An index mask of height x width pixels; `rows` of words begin at the row `top`, others are background."""

    height: int
    width: int
    bits: int
    top: int
    rows: "NDArray[np.uint64]"


def _patch(edges: "NDArray[np.int64]", height: int, bits: int, box: tuple[int, int, int, int], area: int) -> Patch:
    """The mask that edges (see datasets.edges) say, not an empty one, with 1, 2, 4 or 8 bits a pixel."""
    import numpy as np

    x, y, w, h = box
    first, last = edges[0::2], edges[1::2] - 1
    if h == height:
        first, last = _cut_at_columns(first, last, height)
    column = first // height
    row, last_row = first - column * height - y, last - column * height - y
    across = WORD // bits
    left = x // across
    words = -(-(x + w) // across) - left
    # going down a column, the inside begins at the first and ends after the last pixel of each run
    turns = np.zeros((h + 1, words * across), np.uint8)
    turns[row, column - left * across] = (1 << bits) - 1
    turns[last_row + 1, column - left * across] = (1 << bits) - 1
    packed = pack_indices(turns[:-1], bits).view(np.uint64)
    return Patch(box, area, left, np.bitwise_xor.accumulate(packed, axis=0))


def paint_packed(
    height: int, width: int, instances: "Sequence[tuple[int, NDArray[np.int64]]]"
) -> tuple[PackedMask | None, list[Patch], list[int]]:
    """`datasets.paint.paint` of (index 1..255, edges) of each instance: the smaller one on top.

    Also returns the patch of each instance, and how many pixels it took from another index. The mask is None where
    there is no instance.
    """
    import numpy as np

    if not instances:
        return None, [], []
    bits = bits_for(max(index for index, _ in instances))
    masks = [edges for _, edges in instances]
    measured = measure_edges(masks, height)
    patches = [_patch(edges, height, bits, *found) for edges, found in zip(masks, measured, strict=True)]
    top = min(patch.box[1] for patch in patches)
    bottom = max(patch.box[1] + patch.box[3] for patch in patches)
    rows = np.zeros((bottom - top, -(-width * bits // WORD)), np.uint64)
    taken = [0] * len(patches)
    for i in sorted(range(len(patches)), key=lambda i: -patches[i].area):
        patch, colour = patches[i], _repeated(instances[i][0], bits)
        y = patch.box[1] - top
        window = rows[y : y + patch.box[3], patch.left : patch.left + patch.rows.shape[1]]
        under = window & patch.rows
        if under.any():
            taken[i] = _count_others(under, patch.rows & colour, bits)
            window &= ~patch.rows
        window |= patch.rows & colour
    return PackedMask(height, width, bits, top, rows), patches, taken


def _count_others(under: "NDArray[np.uint64]", mine: "NDArray[np.uint64]", bits: int) -> int:
    """How many pixels of `under` are neither background nor as in `mine`."""
    import numpy as np

    other = _any_bit(under, bits) & _any_bit(under ^ mine, bits)
    return int(np.bitwise_count(other).sum())


def _any_bit(rows: "NDArray[np.uint64]", bits: int) -> "NDArray[np.uint64]":
    """The lowest bit of each pixel set where any of its bits is."""
    import numpy as np

    found = rows.copy()
    for bit in range(1, bits):
        found |= rows >> np.uint64(bit)
    return found & _repeated(1, bits)


@cache
def _repeated(index: int, bits: int) -> "np.uint64":
    """A word of pixels of one index."""
    import numpy as np

    return np.uint64(sum(index << place for place in range(0, WORD, bits)))


def _cut_at_columns(
    first: "NDArray[np.int64]", last: "NDArray[np.int64]", height: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Runs that go on at the top of the next column as one run in each column."""
    import numpy as np

    pieces = last // height - first // height + 1
    run = np.repeat(np.arange(len(first)), pieces)
    nth = np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    top = (first[run] // height + nth) * height
    return np.maximum(first[run], top), np.minimum(last[run], top + height - 1)
