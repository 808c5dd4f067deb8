"""Polygons to pixels, exactly: a pixel is inside if its centre is inside, by the even-odd rule.

pycocotools fills by the same rule, but first rounds corners to a fifth of a pixel and follows sides in steps of
that size. This adds or removes a few pixels at every slanted side. OpenCV and Pillow also draw the outline, which
makes shapes about half a pixel larger on all sides.
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

MAX_CROSSINGS = 5_000_000  # of sides with columns of pixel centres; each takes about 50 bytes


Ring = Sequence[tuple[float, float]]


def fill_even_odd(shapes: Sequence[Sequence[Ring]], height: int, width: int) -> list[Rle]:
    """The compressed mask of each shape; `even_odd_edges` states the rule."""
    return edges_to_rles(even_odd_edges(shapes, height, width), height, width)


def even_odd_edges(shapes: Sequence[Sequence[Ring]], height: int, width: int) -> "list[NDArray[np.int64]]":
    """The edges of each shape (see datasets.masks.edges): the pixel centres inside an odd number of its rings.

    Rings consist of (x, y) in pixels, may cross themselves, and may leave the image of height x width pixels.
    Centres exactly on a left or upper side are inside, on a right or lower side outside. Raises OptionError for a
    shape with more than MAX_CROSSINGS crossings.
    """
    try:
        return _edges_together(shapes, height, width)
    except OptionError:
        if len(shapes) == 1:
            raise
    middle = len(shapes) // 2  # too many at once: fill each half separately
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

    `points` are the N x 2 points of all rings, `lengths` the number of points of each ring (at least 1), and
    `owner` the shape of each ring. See `even_odd_edges`.
    """
    import numpy as np

    after = np.arange(1, len(points) + 1)
    stop = np.cumsum(lengths)
    after[stop - 1] = stop - lengths  # after the last point of a ring comes its first
    toggles = _toggles(points, points[after], np.repeat(owner, lengths) * (height * width + 1), height, width)
    toggles.sort(kind="stable")  # they increase along each side, so a merge sort is fast
    return cancel_pairs(toggles)


def _toggles(
    start: "NDArray[np.float64]", end: "NDArray[np.float64]", base: "NDArray[np.int64]", height: int, width: int
) -> "NDArray[np.int64]":
    """The numbers of the pixels at which the inside of a shape begins or ends, plus the `base` of each side."""
    import numpy as np

    x0, x1 = start[:, 0], end[:, 0]
    reach = np.minimum(np.maximum(np.ceil(np.stack((x0, x1)) - 0.5), 0), width).astype(np.int64)
    first = np.minimum(reach[0], reach[1])
    columns = np.maximum(reach[0], reach[1]) - first
    total = int(columns.sum())
    if total > MAX_CROSSINGS:
        raise OptionError("an outline", f"crosses {total} columns of pixels, too many to fill", "redraw the shape")
    with np.errstate(divide="ignore", invalid="ignore"):  # vertical sides cross no column
        slope = (end[:, 1] - start[:, 1]) / (x1 - x0)
    # in place, because these arrays are long and the time is spent on memory access
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
