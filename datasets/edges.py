"""Masks as edges: the pixels, counted down column by column, at which the inside begins and ends by turns.

Edges rise strictly: every run of the inside has pixels, and so has what lies between two of them. They are what
COCO's run lengths sum up to.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datasets.rle_crop import pack_run_lengths, run_lengths

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def edges_to_rle(edges: "NDArray[np.int64]", height: int, width: int) -> Any:
    """The compressed pycocotools mask (a dict) of height x width pixels."""
    import numpy as np
    from pycocotools import mask as coco_mask

    counts = np.empty(len(edges) + 1, np.int64)
    counts[:-1] = edges
    counts[-1] = height * width
    counts[1:] -= edges
    if counts[-1] == 0:
        counts = counts[:-1]
    return coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)


def edges_to_rles(masks: "Sequence[NDArray[np.int64]]", height: int, width: int) -> list[Any]:
    """`edges_to_rle` of many masks of one size, much quicker."""
    import numpy as np

    if not masks:
        return []
    size = height * width
    lengths = np.array([len(edges) for edges in masks])
    parts = [part for edges in masks for part in (edges, [size])]
    flat = np.concatenate(parts).astype(np.int64, copy=False)
    stops = np.cumsum(lengths + 1)
    starts = stops - lengths - 1
    runs = np.diff(flat, prepend=0)
    runs[starts] = flat[starts]
    kept = np.ones(len(flat), np.bool_)
    kept[stops - 1] = (runs[stops - 1] > 0) | (lengths == 0)  # nothing may be left after the last run
    lengths = np.add.reduceat(kept, starts, dtype=np.int64)
    return [{"size": [height, width], "counts": counts} for counts in pack_run_lengths(runs[kept], lengths)]


def rle_to_edges(rle: Any) -> "NDArray[np.int64]":
    """The edges of a compressed pycocotools mask (a dict)."""
    import numpy as np

    edges: NDArray[np.int64] = np.cumsum(run_lengths(rle["counts"]))
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


def measure_edges(
    masks: "Sequence[NDArray[np.int64]]", height: int
) -> list[tuple[tuple[int, int, int, int], int]]:
    """`edges_box` and `edges_area` of many masks, much quicker; none of them may be empty."""
    import numpy as np

    if not masks:
        return []
    flat = np.concatenate(masks)
    stops = np.cumsum([len(edges) // 2 for edges in masks])
    starts = np.concatenate(([0], stops[:-1]))
    first, last = flat[0::2], flat[1::2] - 1
    column, last_column = first // height, last // height
    goes_on = np.logical_or.reduceat(column != last_column, starts)
    x, w = column[starts], last_column[stops - 1] + 1 - column[starts]
    y = np.where(goes_on, 0, np.minimum.reduceat(first - column * height, starts))
    bottom = np.where(goes_on, height, np.maximum.reduceat(last - column * height, starts) + 1)
    boxes = zip(x.tolist(), y.tolist(), w.tolist(), (bottom - y).tolist(), strict=True)
    return list(zip(boxes, np.add.reduceat(last - first + 1, starts).tolist(), strict=True))


def cancel_pairs(ordered: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The values that occur an odd number of times: where the inside begins and ends at once, it does neither."""
    import numpy as np

    differs = ordered[1:] != ordered[:-1]
    if differs.all():
        return ordered
    begins = np.concatenate(([0], np.flatnonzero(differs) + 1, [len(ordered)]))
    odd: NDArray[np.int64] = ordered[begins[:-1][np.diff(begins) % 2 == 1]]
    return odd
