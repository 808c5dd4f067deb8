"""Instance masks to one pixel mask: where instances overlap, the smaller one is on top."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def paint(instances: Sequence[tuple[int, Any]], height: int, width: int) -> "tuple[NDArray[np.uint8], int]":
    """Pixel mask of (category id, compressed pycocotools mask), and how many pixels two categories claim.

    Every mask has height x width pixels. Of two instances of the same area the later one is on top.
    """
    import numpy as np
    from pycocotools import mask as coco_mask

    indices = np.zeros((height, width), np.uint8)
    claimed = 0
    areas = coco_mask.area([rle for _, rle in instances]) if instances else []
    boxes = coco_mask.toBbox([rle for _, rle in instances]).astype(int).tolist() if instances else []
    order = sorted(range(len(instances)), key=lambda i: -int(areas[i]))
    for i in order:
        category_id, rle = instances[i]
        x, y, w, h = boxes[i]
        inside = crop(rle, (x, y, w, h))
        window = indices[y : y + h, x : x + w]
        below = window[inside]
        claimed += int(((below != 0) & (below != category_id)).sum())
        window[inside] = category_id
    return indices, claimed


def crop(rle: Any, box: tuple[int, int, int, int]) -> "NDArray[np.bool_]":
    """The h x w pixels inside `box` (x, y, w, h) of a compressed pycocotools mask, without unpacking all of it."""
    import numpy as np

    x, y, w, h = box
    height = rle["size"][0]
    edges = np.clip(np.cumsum(_run_lengths(rle["counts"])) - x * height, 0, w * height)
    runs = np.diff(edges, prepend=0, append=w * height)
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return pixels.reshape(w, height)[:, y : y + h].T


def _run_lengths(counts: bytes) -> "NDArray[np.int64]":
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
