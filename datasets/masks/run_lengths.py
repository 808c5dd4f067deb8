"""Unpack the run lengths of a COCO mask, and check that they cover the image.

Source: `rleFrString` of pycocotools' maskApi.c.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datasets.coco import Box, Rle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHARACTERS = bytes(range(ord("0"), ord("o") + 1))  # 48 plus six bits
MAX_GROUPS = 8  # per number in `unpack_many`: 40 bits, enough for the pixels of every image


def run_lengths(counts: str) -> "NDArray[np.int64]":
    """The N run lengths (int64 pixels) of the text `counts`, outside and inside alternately.

    COCO packs differences in little-endian groups of five bits with an offset of 48.
    """
    import numpy as np

    groups = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    last = np.flatnonzero((groups & 0x20) == 0)
    first = np.concatenate(([0], last[:-1] + 1))
    length = last - first + 1
    place = np.arange(len(groups)) - np.repeat(first, length)
    values = np.add.reduceat((groups & 0x1F) << (5 * place), first)
    values -= np.where(groups[last] & 0x10, 1 << (5 * length), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def covers_image(rle: Rle, height: int, width: int) -> bool:
    """Whether the run lengths add up to an image of height x width pixels, which pycocotools does not check."""
    if isinstance(rle.counts, str):
        return fitting_run_lengths(rle, height, width) is not None
    return rle.size == (height, width) and sum(rle.counts) == height * width and min(rle.counts) >= 0


def fitting_run_lengths(rle: Rle, height: int, width: int) -> "NDArray[np.int64] | None":
    """The run lengths of a compressed mask; None if they do not add up to an image of height x width pixels."""
    if rle.size != (height, width) or not isinstance(rle.counts, str) or not _is_packed(rle.counts):
        return None
    runs = run_lengths(rle.counts)
    return runs if runs.sum() == height * width and runs.min() >= 0 else None


def all_run_lengths(rles: Sequence[Rle]) -> "tuple[NDArray[np.int64], NDArray[np.int64]] | None":
    """The run lengths of one or more masks in one array, and the number of run lengths of each.

    None if the text of a mask is unusual or its run lengths do not add up to its size.
    """
    import numpy as np

    if not all(isinstance(rle.counts, str) and _is_packed(rle.counts) for rle in rles):
        return None
    unpacked = _unpack_many([str(rle.counts) for rle in rles])
    if unpacked is None:
        return None
    runs, first = unpacked
    height, width = np.array([rle.size for rle in rles], np.int64).T
    if runs.min() < 0 or (np.add.reduceat(runs, first) != height * width).any():
        return None
    return runs, np.diff(first, append=len(runs))


def boxes_in_image(rles: Sequence[Rle]) -> list[Box | None] | None:
    """Pixel extents (x, y, w, h) of each compressed mask as pycocotools finds them, much faster than one by one.

    An entry is None if the run lengths of the mask do not add up to its size. The whole result is None if a mask
    is unusual, for example not compressed: then call pycocotools for each mask.
    """
    import numpy as np

    if not rles:
        return []
    if not all(isinstance(rle.counts, str) and _is_packed(rle.counts) for rle in rles):
        return None
    unpacked = _unpack_many([str(rle.counts) for rle in rles])
    if unpacked is None:
        return None
    runs, first = unpacked
    height, width = np.array([rle.size for rle in rles], np.int64).T
    fits = (np.add.reduceat(runs, first) == height * width) & (np.minimum.reduceat(runs, first) >= 0)
    count = np.diff(first, append=len(runs))
    mask = np.repeat(np.arange(len(rles)), count)
    nth = np.arange(len(runs)) - first[mask]
    inside = np.append(runs[1:], 0)
    inside[nth % 2 == 1] = runs[nth % 2 == 1]  # the inside pixels of each pair (outside, inside)
    is_used = (nth < count[mask] // 2 * 2) & (inside > 0)
    ends = np.cumsum(runs)
    ends -= (ends[first] - runs[first])[mask]
    pixel = ends - nth % 2  # the first pixel of a run, or its last
    rows = np.maximum(height, 1)[mask]
    x, y = pixel // rows, pixel % rows
    continues = np.zeros(len(runs), np.bool_)  # a run that continues in the next column touches top and bottom
    continues[1:] = (nth[1:] % 2 == 1) & (x[:-1] < x[1:])
    limit = np.iinfo(np.int64).max
    x0 = np.minimum.reduceat(np.where(is_used, x, limit), first)
    y0 = np.minimum.reduceat(np.where(is_used, np.where(continues, 0, y), limit), first)
    x1 = np.maximum.reduceat(np.where(is_used, x, -1), first)
    y1 = np.maximum.reduceat(np.where(is_used, np.where(continues, rows - 1, y), -1), first)
    extents = np.stack((x0, y0, x1 - x0 + 1, y1 - y0 + 1), axis=1)
    extents[x1 < 0] = 0  # no pixel
    found = zip(extents.tolist(), fits.tolist(), strict=True)
    return [(x, y, w, h) if is_fitting else None for (x, y, w, h), is_fitting in found]


def _is_packed(counts: str) -> bool:
    """Whether a text consists only of groups of bits, and the last group is marked as the last of its number."""
    if not counts or not counts.isascii() or counts.encode("ascii").translate(None, CHARACTERS):
        return False
    return not (ord(counts[-1]) - 48) & 0x20


def _unpack_many(texts: Sequence[str]) -> "tuple[NDArray[np.int64], NDArray[np.int64]] | None":
    """The run lengths of all `texts` in one array, and the index at which each text begins; see `run_lengths`.

    None if a number is too long for any image.
    """
    import numpy as np

    groups = np.frombuffer("".join(texts).encode("ascii"), np.uint8).astype(np.int64) - 48
    last = np.flatnonzero((groups & 0x20) == 0)
    begin = np.concatenate(([0], last[:-1] + 1))
    length = last - begin + 1
    if int(length.max()) > MAX_GROUPS:
        return None
    place = np.arange(len(groups)) - np.repeat(begin, length)
    values = np.add.reduceat((groups & 0x1F) << (5 * place), begin)
    values -= np.where(groups[last] & 0x10, 1 << (5 * length), 0)
    characters = np.cumsum([0, *(len(text) for text in texts[:-1])])
    first = np.searchsorted(begin, characters)
    count = np.diff(first, append=len(values))
    nth = np.arange(len(values)) - np.repeat(first, count)
    # from the third on, each number is the difference from the one two places before
    for parity in (1, 2):
        chosen = np.flatnonzero((nth % 2 == parity % 2) & (nth >= parity))
        sums = np.cumsum(values[chosen])
        begins = np.flatnonzero(nth[chosen] == parity)
        before = np.concatenate(([0], sums))[begins]
        values[chosen] = sums - np.repeat(before, np.diff(begins, append=len(chosen)))
    return values, first
