"""The run lengths inside a COCO mask: unpack them, and check that they cover the image.

Source: `rleFrString` of pycocotools' maskApi.c.
"""

from typing import TYPE_CHECKING

from datasets.coco import Rle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    if rle.size != (height, width):
        return False
    if not isinstance(rle.counts, str):
        return sum(rle.counts) == height * width and min(rle.counts) >= 0
    # each character is 48 plus six bits; the sixth bit is set where another character follows
    if not rle.counts or not all("0" <= c <= "o" for c in rle.counts) or (ord(rle.counts[-1]) - 48) & 0x20:
        return False
    runs = run_lengths(rle.counts)
    return bool(runs.sum() == height * width and runs.min() >= 0)
