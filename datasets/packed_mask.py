"""Pixel masks painted as they are stored in a PNG: as few bits a pixel as the indices need, packed by rows.

A row is 64-bit words, the leftmost pixel in the highest bits of the first byte. Painting so touches a fraction of
the memory that a byte for each pixel would take, and nothing is left to pack when it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from datasets.edges import Measured
from datasets.index_png import bits_for, pack_indices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORD = 64


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
    """`datasets.paint.paint` of (index 1..255, edges) of each instance, of which none is empty.

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
    for i in sorted(range(len(instances)), key=lambda i: -measured[i][1]):
        left, patch = patches[i]
        coloured = patch & _repeated(instances[i][0], bits)
        y = measured[i][0][1] - top
        window = rows[y : y + len(patch), left : left + patch.shape[1]]
        under = window & patch
        if under.any():
            taken[i] = _count_others(under, coloured, bits)
            window &= ~patch
        window |= coloured
    return PackedMask(height, width, bits, top, rows), taken


def _patches(
    masks: "Sequence[NDArray[np.int64]]", boxes: Sequence[tuple[int, int, int, int]], height: int, bits: int
) -> "list[tuple[int, NDArray[np.uint64]]]":
    """The rows of each mask inside its box, every bit of its pixels set, and the word that they begin at."""
    import numpy as np

    flat = np.concatenate(masks)
    owner = np.repeat(np.arange(len(masks)), [len(edges) // 2 for edges in masks])
    first, last = flat[0::2], flat[1::2] - 1
    if any(h == height for _, _, _, h in boxes):
        first, last, owner = _cut_at_columns(first, last, owner, height)
    across = WORD // bits
    x, y, w, h = np.array(boxes).T
    left = x // across
    words = (x + w - 1) // across + 1 - left
    stops = np.cumsum((h + 1) * words)
    offsets = stops - (h + 1 + y) * words - left
    column = first // height
    word, place = np.divmod(column, across)
    # going down a column, the inside begins at the first and ends after the last pixel of each run
    begins = (first - column * height) * words[owner] + word + offsets[owner]
    ends = begins + (last - first + 1) * words[owner]
    turns = np.zeros(stops[-1], np.uint64)
    pixels = _pixels(bits)[place]
    np.add.at(turns, begins, pixels)  # no bit is added twice
    np.add.at(turns, ends, pixels)
    parts = [part.reshape(-1, n)[:-1] for part, n in zip(np.split(turns, stops[:-1]), words.tolist(), strict=True)]
    return [(n, np.bitwise_xor.accumulate(part, axis=0)) for n, part in zip(left.tolist(), parts, strict=True)]


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


def _cut_at_columns(
    first: "NDArray[np.int64]", last: "NDArray[np.int64]", owner: "NDArray[np.int64]", height: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]":
    """Runs that go on at the top of the next column as one run in each column."""
    import numpy as np

    pieces = last // height - first // height + 1
    run = np.repeat(np.arange(len(first)), pieces)
    nth = np.arange(len(run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    top = (first[run] // height + nth) * height
    return np.maximum(first[run], top), np.minimum(last[run], top + height - 1), owner[run]
