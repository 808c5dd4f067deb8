"""Masks as edges: the pixels, counted down column by column, at which the inside begins and ends by turns.

Edges rise strictly: every run of the inside has pixels, and so has what lies between two of them. They are what
COCO's run lengths sum up to.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from datasets.coco import Rle
from datasets.masks.rle import from_pycocotools
from datasets.masks.run_lengths import run_lengths

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Measured = tuple[tuple[int, int, int, int], int]  # pixel extents (x, y, w, h), number of pixels


def edges_to_rle(edges: "NDArray[np.int64]", height: int, width: int) -> Rle:
    """The compressed mask of an image of height x width pixels."""
    return edges_to_rles([edges], height, width)[0]


def edges_to_rles(masks: "Sequence[NDArray[np.int64]]", height: int, width: int) -> list[Rle]:
    """`edges_to_rle` of many masks of one size, much faster."""
    import numpy as np
    from pycocotools import mask as coco_mask

    if not masks:
        return []
    size = height * width
    flat = np.concatenate([part for edges in masks for part in (edges, [size])])
    bounds = [0, *accumulate(len(edges) + 1 for edges in masks)]
    runs = np.diff(flat, prepend=0)
    runs[bounds[:-1]] = flat[bounds[:-1]]
    nothing_left = runs[np.subtract(bounds[1:], 1)] == 0  # after the last run
    runs = runs.astype(np.uint32)  # as pycocotools has them
    packed = coco_mask.frPyObjects(
        [
            {"size": [height, width], "counts": runs[begin : end - cut]}
            for (begin, end), cut in zip(pairwise(bounds), nothing_left.tolist(), strict=True)
        ],
        height,
        width,
    )
    return [from_pycocotools(rle) for rle in packed]


def rle_to_edges(rle: Rle) -> "NDArray[np.int64]":
    """The edges of a compressed mask."""
    import numpy as np

    edges: NDArray[np.int64] = np.cumsum(run_lengths(str(rle.counts)))
    return cancel_pairs(edges[: len(edges) // 2 * 2])  # what comes after the last run is outside


def join_edges(parts: "Sequence[NDArray[np.int64]]") -> "NDArray[np.int64]":
    """The edges of all pixels of some masks that share none."""
    import numpy as np

    return parts[0] if len(parts) == 1 else cancel_pairs(np.sort(np.concatenate(parts)))


def edges_area(edges: "NDArray[np.int64]") -> int:
    """How many pixels are inside."""
    return int((edges[1::2] - edges[0::2]).sum())


def edges_box(edges: "NDArray[np.int64]", height: int) -> tuple[int, int, int, int]:
    """Pixel extents (x, y, w, h) of edges that are not empty, in a picture of `height` pixels."""
    first, last = edges[0::2], edges[1::2] - 1
    column, last_column = first // height, last // height
    x0, x1 = int(column[0]), int(last_column[-1]) + 1
    if (column != last_column).any():  # a run that goes on in the next column touches bottom and top
        return (x0, 0, x1 - x0, height)
    y0, y1 = int((first - column * height).min()), int((last - column * height).max()) + 1
    return (x0, y0, x1 - x0, y1 - y0)


def measure_edges(masks: "Sequence[NDArray[np.int64]]", heights: Sequence[int]) -> list[Measured]:
    """`edges_box` and `edges_area` of many masks, much quicker; none of them may be empty.

    `heights` are those of the picture of each.
    """
    import numpy as np

    if not masks:
        return []
    flat = np.concatenate(masks)
    runs = [len(edges) // 2 for edges in masks]
    stops = np.cumsum(runs, dtype=np.int64)
    starts = stops - runs
    first, last = flat[0::2], flat[1::2] - 1
    height = heights[0] if len(set(heights)) == 1 else np.repeat(heights, runs)  # one is divided by quicker
    column, last_column = first // height, last // height
    goes_on = np.logical_or.reduceat(column != last_column, starts)
    x, w = column[starts], last_column[stops - 1] + 1 - column[starts]
    y = np.where(goes_on, 0, np.minimum.reduceat(first - column * height, starts))
    bottom = np.where(goes_on, heights, np.maximum.reduceat(last - column * height, starts) + 1)
    boxes = zip(x.tolist(), y.tolist(), w.tolist(), (bottom - y).tolist(), strict=True)
    return list(zip(boxes, np.add.reduceat(last - first + 1, starts).tolist(), strict=True))


def cancel_pairs(ordered: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The values that occur an odd number of times: where the inside begins and ends at once, it does neither."""
    import numpy as np

    equal = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(equal):
        return ordered
    nth = np.arange(len(equal))
    begins = np.diff(equal, prepend=-2) > 1
    nth -= np.maximum.accumulate(np.where(begins, nth, 0))  # of those that are equal to one another
    first = equal[nth % 2 == 0]
    kept = np.ones(len(ordered), np.bool_)
    kept[first] = kept[first + 1] = False
    return ordered[kept]
