"""Pixel masks painted as they are stored in a PNG: as few bits a pixel as the indices need, packed by rows.

A row is 64-bit words, the leftmost pixel in the highest bits of the first byte. Painting so touches a fraction of
the memory that a byte for each pixel would take, and nothing is left to pack when it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from datasets.images.index_png import bits_for, pack_indices
from datasets.masks.edges import Measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD = 64
Box = tuple[int, int, int, int]  # pixel extents (x, y, w, h)


@dataclass(frozen=True, slots=True)
class PackedMask:
    """An index mask of height x width pixels; `rows` of words begin at the row `top`, others are background."""

    height: int
    width: int
    bits: int
    top: int
    rows: "NDArray[np.uint64]"


def paint_packed(
    height: int,
    width: int,
    instances: "Sequence[tuple[int, NDArray[np.int64]]]",
    measured: Sequence[Measured],
) -> tuple[PackedMask | None, list[int]]:
    """`datasets.masks.paint.paint` of (index 1..255, edges) of each instance, of which none is empty.

    `measured` is what `measure_edges` says of the edges. The mask is None where there is no instance. Also returns
    how many pixels each instance took from another index.
    """
    import numpy as np

    if not instances:
        return None, []
    bits = bits_for(max(index for index, _ in instances))
    patches = _patches([edges for _, edges in instances], [box for box, _ in measured], height, bits)
    top = min(y for (_, y, _, _), _ in measured)
    bottom = max(y + h for (_, y, _, h), _ in measured)
    rows = np.zeros((bottom - top, -(-width * bits // WORD)), np.uint64)
    taken = [0] * len(instances)
    several = len({index for index, _ in instances}) > 1
    below: list[Box] = []
    for i in sorted(range(len(instances)), key=lambda i: -measured[i][1]):
        left, patch = patches[i]
        coloured = patch if bits == 1 else patch & _repeated(instances[i][0], bits)
        y = measured[i][0][1] - top
        window = rows[y : y + len(patch), left : left + patch.shape[1]]
        if several and _meets_any(measured[i][0], below) and (under := window & patch).any():
            taken[i] = _count_others(under, coloured, bits)
            window &= ~patch
        window |= coloured
        below.append(measured[i][0])
    return PackedMask(height, width, bits, top, rows), taken


def _meets_any(box: Box, others: Sequence[Box]) -> bool:
    x, y, w, h = box
    return any(x < a + c and a < x + w and y < b + d and b < y + h for a, b, c, d in others)


def _patches(
    masks: "Sequence[NDArray[np.int64]]", boxes: Sequence[Box], height: int, bits: int
) -> "list[tuple[int, NDArray[np.uint64]]]":
    """The rows of each mask inside its box, every bit of its pixels set, and the word that they begin at."""
    import numpy as np

    if any(h == height for _, _, _, h in boxes):
        masks = [_cut_at_columns(edges, height) for edges in masks]
    across = WORD // bits  # a power of two
    lefts = [x // across for x, _, _, _ in boxes]
    words = [(x + w - 1) // across + 1 - left for (x, _, w, _), left in zip(boxes, lefts, strict=True)]
    # going down a column, the inside begins at the first and ends after the last pixel of each run
    bounds = [0, *accumulate((h + 1) * n for (_, _, _, h), n in zip(boxes, words, strict=True))]
    first_words = [
        bound - y * n - left for bound, (_, y, _, _), n, left in zip(bounds, boxes, words, lefts, strict=False)
    ]
    edges = np.concatenate(masks)
    of_each = [len(mask) for mask in masks]
    column = edges.copy()
    column[1::2] -= 1
    column //= height
    places = edges - column * height  # rows, to begin with
    places *= np.repeat(words, of_each)
    places += np.repeat(first_words, of_each)
    places += column >> (across.bit_length() - 1)
    turns = np.zeros(bounds[-1], np.uint64)
    np.add.at(turns, places, _pixels(bits)[column & (across - 1)])  # no bit is added twice
    parts = [turns[i:j].reshape(-1, n)[:-1] for (i, j), n in zip(pairwise(bounds), words, strict=True)]
    return [(left, np.bitwise_xor.accumulate(part, out=part)) for left, part in zip(lefts, parts, strict=True)]


@cache
def _pixels(bits: int) -> "NDArray[np.uint64]":
    """A word for each place in it, with the bits of the pixel there set."""
    import numpy as np

    rows = np.eye(WORD // bits, dtype=np.uint8) * np.uint8((1 << bits) - 1)
    return pack_indices(rows, bits).view(np.uint64)[:, 0]


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


def _cut_at_columns(edges: "NDArray[np.int64]", height: int) -> "NDArray[np.int64]":
    """Runs that go on at the top of the next column as one run in each column."""
    import numpy as np

    first, last = edges[0::2], edges[1::2] - 1
    pieces = last // height - first // height + 1
    run = np.repeat(np.arange(len(first)), pieces)
    nth = np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    top = (first[run] // height + nth) * height
    begins, ends = np.maximum(first[run], top), np.minimum(last[run] + 1, top + height)
    cut: NDArray[np.int64] = np.stack((begins, ends), axis=1).reshape(-1)
    return cut
