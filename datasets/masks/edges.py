"""Masks as edges: sorted run boundaries (start, end, start, end, ...) in column-major pixel order.

They are the cumulative sums of COCO run lengths. Edges are strictly increasing: no run and no gap between runs is
empty. Pixel (row, column) of an image of H rows has the number column * H + row.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from datasets.coco import Rle
from datasets.masks.component import Component
from datasets.masks.rle import from_pycocotools
from datasets.masks.run_lengths import run_lengths

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def edges_to_rle(edges: "NDArray[np.int64]", height: int, width: int) -> Rle:
    """The compressed mask of edges in an image of height x width pixels."""
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
    ends_inside = runs[np.subtract(bounds[1:], 1)] == 0  # pycocotools omits an empty last run
    runs = runs.astype(np.uint32)  # the type that pycocotools uses
    packed = coco_mask.frPyObjects(
        [
            {"size": [height, width], "counts": runs[begin : end - cut]}
            for (begin, end), cut in zip(pairwise(bounds), ends_inside.tolist(), strict=True)
        ],
        height,
        width,
    )
    return [from_pycocotools(rle) for rle in packed]


def edges_to_component(edges: "NDArray[np.int64]", height: int) -> Component:
    """The pixels of edges that are not empty, in an image of `height` rows."""
    import numpy as np

    first, last = edges[0::2], edges[1::2] - 1
    column, last_column = first // height, last // height
    x, w = int(column[0]), int(last_column[-1] + 1 - column[0])
    if (column != last_column).any():  # a run that continues in the next column touches bottom and top
        y, h = 0, height
        boundaries = edges - x * height
    else:
        top = column * height
        y = int((first - top).min())
        h = int((last - top).max()) + 1 - y
        boundaries = edges + np.repeat((column - x) * h - y - top, 2)  # as if the image were the box
    runs = np.empty(len(edges) + 1, np.int64)
    runs[0], runs[-1] = boundaries[0], w * h - boundaries[-1]
    np.subtract(boundaries[1:], boundaries[:-1], out=runs[1:-1])
    inside = np.zeros(len(runs), np.bool_)
    inside[1::2] = True
    pixels = np.repeat(inside, runs)
    return Component((x, y, w, h), np.ascontiguousarray(pixels.reshape(w, h).T))


def crop_edges(pixels: "NDArray[np.bool_]", x: int, y: int, height: int, width: int) -> "NDArray[np.int64]":
    """The edges of an h x w bool crop at column `x`, row `y`, cut by `cut_to_image`."""
    import numpy as np

    pixels = cut_to_image(pixels, x, y, height, width)
    x, y = max(0, x), max(0, y)
    columns = np.zeros((pixels.shape[1], len(pixels) + 2), np.bool_)  # background above and below each
    columns[:, 1:-1] = pixels.T
    column, row = np.nonzero(columns[:, 1:] != columns[:, :-1])
    return cancel_pairs((column + x) * height + row + y)


def cut_to_image(pixels: "NDArray[np.bool_]", x: int, y: int, height: int, width: int) -> "NDArray[np.bool_]":
    """The part of an h x w crop at column `x`, row `y` that is inside an image of height x width pixels."""
    return pixels[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x)]


def components_to_rles(components: Sequence[Component], height: int, width: int) -> list[Rle]:
    """The compressed masks of components in an image of height x width pixels."""
    cropped = [crop_edges(c.pixels, c.box[0], c.box[1], height, width) for c in components]
    return edges_to_rles(cropped, height, width)


def component_to_rle(component: Component, height: int, width: int) -> Rle:
    """The compressed mask of a component in an image of height x width pixels."""
    return components_to_rles([component], height, width)[0]


def rle_to_component(rle: Rle) -> Component:
    """The pixels of a compressed mask, without unpacking the whole image. The mask must have a pixel."""
    component = runs_to_component(run_lengths(str(rle.counts)), rle.size[0])
    if component is None:
        raise ValueError("a mask without a pixel")
    return component


def runs_to_component(runs: "NDArray[np.int64]", height: int) -> Component | None:
    """The pixels of N run lengths (see `run_lengths`) in an image of `height` rows; None if there are none."""
    import numpy as np

    edges: NDArray[np.int64] = np.cumsum(runs)
    # pixels after the last run are outside
    edges = cancel_pairs(edges[: len(edges) // 2 * 2])
    return edges_to_component(edges, height) if len(edges) else None


def cancel_pairs(ordered: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The values of a sorted array that occur an odd number of times, once each.

    If one run ends where the next begins, the two values cancel.
    """
    import numpy as np

    equal = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(equal):
        return ordered
    nth = np.arange(len(equal))
    begins = np.diff(equal, prepend=-2) > 1
    nth -= np.maximum.accumulate(np.where(begins, nth, 0))  # counted within each group of equal values
    first = equal[nth % 2 == 0]
    kept = np.ones(len(ordered), np.bool_)
    kept[first] = kept[first + 1] = False
    return ordered[kept]
