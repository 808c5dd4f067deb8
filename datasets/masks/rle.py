"""The pixels of a compressed COCO mask inside its box, without unpacking the whole picture."""

from typing import TYPE_CHECKING, Any

from datasets.coco import Rle
from datasets.masks.component import Component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def rle_to_component(rle: Any) -> Component:
    """The component that a compressed pycocotools mask (a dict) says, which must have a pixel."""
    import numpy as np
    from pycocotools import mask as coco_mask

    x, y, w, h = (int(v) for v in coco_mask.toBbox(rle))
    height = rle["size"][0]
    edges = np.clip(np.cumsum(run_lengths(rle["counts"])) - x * height, 0, w * height)
    runs = np.diff(edges, prepend=0, append=w * height)
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return Component((x, y, w, h), np.ascontiguousarray(pixels.reshape(w, height)[:, y : y + h].T))


def fills(rle: Rle, height: int, width: int) -> bool:
    """Whether run lengths fill a picture of height x width pixels, which pycocotools takes for granted."""
    if rle.size != (height, width):
        return False
    if not isinstance(rle.counts, str):
        return sum(rle.counts) == height * width and min(rle.counts) >= 0
    # each character holds 48 plus six bits, and the sixth of them says whether another follows
    if not rle.counts or not all("0" <= c <= "o" for c in rle.counts) or (ord(rle.counts[-1]) - 48) & 0x20:
        return False
    runs = run_lengths(rle.counts.encode("ascii"))
    return bool(runs.sum() == height * width and runs.min() >= 0)


def run_lengths(counts: bytes) -> "NDArray[np.int64]":
    """The run lengths that COCO packs as differences in little-endian groups of five bits with an offset of 48.

    Source: `rleFrString` of pycocotools' maskApi.c.
    """
    import numpy as np

    groups = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    last = np.flatnonzero((groups & 0x20) == 0)
    first = np.concatenate(([0], last[:-1] + 1))
    length = last - first + 1
    place = np.arange(len(groups)) - np.repeat(first, length)
    values = np.add.reduceat((groups & 0x1F) << (5 * place), first)
    values -= np.where(groups[last] & 0x10, 1 << (5 * length), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values
