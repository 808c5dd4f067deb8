"""Polygons to pixels, exactly: a pixel is inside when its centre is, by the even-odd rule.

pycocotools fills by the same rule, but rounds corners to a fifth of a pixel first and walks sides in steps of that
size, which takes or leaves a few pixels of every slanted side. OpenCV and Pillow draw the outline on top, which
makes shapes about half a pixel larger all around.
"""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from datasets.coco import Rle
from datasets.masks.edges import cancel_pairs, edges_to_rles
from system.errors import OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_CROSSINGS = 5_000_000  # of sides with columns of pixel centres; each takes some 50 bytes


Ring = Sequence[tuple[float, float]]


def fill_even_odd(shapes: Sequence[Sequence[Ring]], height: int, width: int) -> list[Rle]:
    """The compressed mask of each shape; `even_odd_edges` states the rule."""
    return edges_to_rles(even_odd_edges(shapes, height, width), height, width)


def even_odd_edges(shapes: Sequence[Sequence[Ring]], height: int, width: int) -> "list[NDArray[np.int64]]":
    """The edges of each shape (see datasets.masks.edges): the pixel centres inside an odd number of its rings.

    Rings are of (x, y) in pixels, may cross themselves, and may leave the image of height x width pixels. Of
    centres on a side, those on the left and upper ones are inside. Raises OptionError for a shape of more
    crossings than memory should hold.
    """
    try:
        return _edges_together(shapes, height, width)
    except OptionError:
        if len(shapes) == 1:
            raise
    middle = len(shapes) // 2  # too many together, so fewer at a time
    return [*even_odd_edges(shapes[:middle], height, width), *even_odd_edges(shapes[middle:], height, width)]


def _edges_together(shapes: Sequence[Sequence[Ring]], height: int, width: int) -> "list[NDArray[np.int64]]":
    import numpy as np

    rings = [(i, ring) for i, shape in enumerate(shapes) for ring in shape if len(ring)]
    if not rings:
        return [np.empty(0, np.int64) for _ in shapes]
    lengths = np.array([len(ring) for _, ring in rings])
    flat = chain.from_iterable(chain.from_iterable(ring for _, ring in rings))
    points = np.fromiter(flat, np.float64, 2 * int(lengths.sum())).reshape(-1, 2)
    toggles = fill_rings(points, lengths, np.array([i for i, _ in rings]), height, width)
    size = height * width
    bounds = np.searchsorted(toggles, np.arange(len(shapes) + 1) * (size + 1)).tolist()
    return [toggles[bounds[i] : bounds[i + 1]] - i * (size + 1) for i in range(len(shapes))]


def fill_rings(
    points: "NDArray[np.float64]",
    lengths: "NDArray[np.int64]",
    owner: "NDArray[np.int64]",
    height: int,
    width: int,
) -> "NDArray[np.int64]":
    """The edges of all shapes in one array, those of shape i with i * (height * width + 1) added.

    `points` are the N x 2 points of all rings, `lengths` the number of points of each ring, not 0, and `owner` its
    shape. See `even_odd_edges`.
    """
    import numpy as np

    after = np.arange(1, len(points) + 1)
    stop = np.cumsum(lengths)
    after[stop - 1] = stop - lengths  # a ring is closed by its first point
    toggles = _toggles(points, points[after], np.repeat(owner, lengths) * (height * width + 1), height, width)
    toggles.sort(kind="stable")  # they rise along each side, which a merge sort uses
    return cancel_pairs(toggles)


def _toggles(
    start: "NDArray[np.float64]", end: "NDArray[np.float64]", base: "NDArray[np.int64]", height: int, width: int
) -> "NDArray[np.int64]":
    """Where, going down column by column, the inside of a shape begins or ends; `base` of each side is added."""
    import numpy as np

    x0, x1 = start[:, 0], end[:, 0]
    reach = np.minimum(np.maximum(np.ceil(np.stack((x0, x1)) - 0.5), 0), width).astype(np.int64)
    first = np.minimum(reach[0], reach[1])
    columns = np.maximum(reach[0], reach[1]) - first
    total = int(columns.sum())
    if total > MAX_CROSSINGS:
        raise OptionError("an outline", f"crosses {total} columns of pixels, too many to fill", "redraw the shape")
    with np.errstate(divide="ignore", invalid="ignore"):  # upright sides cross no column
        slope = (end[:, 1] - start[:, 1]) / (x1 - x0)
    # in place, for these are long: what they take in memory is what they take in time
    toggles = np.arange(total)
    toggles += np.repeat(first - np.cumsum(columns) + columns, columns)
    y = toggles + 0.5
    y -= np.repeat(x0, columns)
    y *= np.repeat(slope, columns)
    y += np.repeat(start[:, 1], columns)
    y -= 0.5
    np.clip(np.ceil(y, out=y), 0, height, out=y)
    toggles *= height
    toggles += np.repeat(base, columns)
    toggles += y.astype(np.int64)
    return toggles
