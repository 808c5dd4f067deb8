"""Trace the rings around the pixels of masks: along the sides of the pixels, with corners only.

A ring is a closed path over pixel corners, alternately horizontal and vertical, with the mask on its right (y
points down). Outer rings run clockwise on the screen, rings of holes counter-clockwise.
"""

from typing import TYPE_CHECKING, NamedTuple

from datasets.masks.pixel_runs import PixelRuns, runs_of_crop
from datasets.masks.ring_table import RingTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Corners(NamedTuple):
    """The corners of all masks in column order; a corner where two pixels touch is listed twice.

    `ends_side`: True if a horizontal side ends at the corner, False if it begins there (from left to right).
    `below`: whether the mask is below that side. Corner k ^ 1 is the other end of the vertical side of corner k.
    """

    mask: "NDArray[np.int64]"
    x: "NDArray[np.int64]"
    y: "NDArray[np.int64]"
    ends_side: "NDArray[np.bool_]"
    below: "NDArray[np.bool_]"
    touching: "NDArray[np.bool_]"


def trace_rings(pixels: "NDArray[np.bool_]", connectivity: int) -> "list[NDArray[np.int64]]":
    """The rings of an h x w bool mask, each an n x 2 array of (x, y) pixel corners, not closed.

    They are sorted by their topmost, then leftmost corner, and start with a horizontal side. If two pixels touch
    only at a corner, the ring passes that corner twice: with `connectivity` 8 it leads from one pixel to the
    other, with 4 it does not.

    >>> import numpy as np
    >>> trace_rings(np.array([[True, True]]), 8)[0].tolist()
    [[0, 0], [2, 0], [2, 1], [0, 1]]
    """
    import numpy as np

    table, _ = trace_runs(runs_of_crop(pixels), connectivity)
    return [ring.astype(np.int64) for ring in table.rings()]


def trace_runs(runs: PixelRuns, connectivity: int) -> "tuple[RingTable, NDArray[np.bool_]]":
    """The rings of many masks (see `trace_rings`), and for each point whether two pixels touch there.

    Coordinates are relative to the box of each mask. The rings of a mask are consecutive.
    """
    import numpy as np

    if not len(runs.owner):
        nothing = np.empty(0, np.int64)
        return RingTable(np.empty((0, 2)), nothing, nothing), np.empty(0, np.bool_)
    corners = _find_corners(runs, connectivity)
    columns, rows = int(corners.x.max()) + 1, int(corners.y.max()) + 1
    # along a row, consecutive corners are the two ends of a horizontal side: 0-1, 2-3, ...
    place = (corners.mask * rows + corners.y) * columns + corners.x
    order = np.argsort(place * 2 + ~corners.ends_side)  # all keys differ
    side_of = np.empty_like(order)
    side_of[order] = np.arange(len(order)) >> 1
    left, right = order[0::2], order[1::2]
    to_right = corners.below[left]
    begin, end = np.where(to_right, left, right), np.where(to_right, right, left)
    path, lengths = _walk(side_of[end ^ 1].tolist())
    passed = np.stack((begin[path], end[path]), axis=1).ravel()
    points = np.stack((corners.x[passed], corners.y[passed]), axis=1).astype(np.float64)
    owner = corners.mask[passed[2 * (np.cumsum(lengths) - lengths)]]
    return RingTable(points, 2 * lengths, owner), corners.touching[passed]


def split_at_touches(ring: "NDArray[np.int64]") -> "list[NDArray[np.int64]]":
    """The simple rings of a ring that passes some corners twice; a ring without such corners stays one ring."""
    corners = list(map(tuple, ring.tolist()))
    if len(set(corners)) == len(corners):
        return [ring]
    import numpy as np

    simple: list[list[tuple[int, ...]]] = []
    path: list[tuple[int, ...]] = []
    position: dict[tuple[int, ...], int] = {}
    for corner in corners:
        if corner in position:
            start = position[corner]
            simple.append(path[start:])
            for gone in path[start:]:
                del position[gone]
            del path[start:]
        position[corner] = len(path)
        path.append(corner)
    return [np.array(loop) for loop in [*simple, path]]


def ring_area(ring: "NDArray[np.int64] | NDArray[np.float64]") -> float:
    """The enclosed area in pixels: positive for an outer ring, negative for the ring of a hole."""
    import numpy as np

    x, y = ring.T
    return float(np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:]) + x[-1] * y[0] - y[-1] * x[0]) / 2


def _find_corners(runs: PixelRuns, connectivity: int) -> _Corners:
    """The corners: the ends of the sides above and below every run, except where a side continues.

    Where two pixels touch, the corner is listed twice: the upper vertical side ends at the first entry, the lower
    begins at the second. Which horizontal side is first depends on whether the ring leads on to the other pixel.
    """
    import numpy as np

    row = np.stack((runs.top, runs.bottom), axis=1).ravel()
    columns, rows = int(runs.column.max()) + 2, int(row.max()) + 1
    place = np.repeat((runs.owner * columns + runs.column) * rows, 2) + row
    is_bottom = np.arange(len(row)) & 1
    swap = int(connectivity == 4)
    # key: place, order of two touching corners, whether a side ends; both halves are sorted, so a merge sort is
    # fast
    begins = place * 4 + 2 * (is_bottom ^ swap)
    both = np.concatenate((begins, begins + (4 * rows + 1)))
    both.sort(kind="stable")
    continues = (both[1:] ^ both[:-1]) == 1
    kept = np.ones(len(both), np.bool_)
    kept[1:] &= ~continues
    kept[:-1] &= ~continues
    corners = both[kept]
    place = corners >> 2
    touches = place[1:] == place[:-1]
    touching = np.zeros(len(place), np.bool_)
    touching[1:] |= touches
    touching[:-1] |= touches
    columns_before, y = np.divmod(place, rows)
    mask, x = np.divmod(columns_before, columns)
    return _Corners(mask, x, y, corners & 1 == 1, (corners >> 1 & 1) == swap, touching)


def _walk(after: list[int]) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """The horizontal sides in their order around each ring, and the number of the ring of each side.

    `after` is the next horizontal side of each side.
    """
    import numpy as np

    path: list[int] = []
    lengths: list[int] = []
    for first in range(len(after)):
        if after[first] < 0:
            continue
        begin, here = len(path), first
        while (there := after[here]) >= 0:
            path.append(here)
            after[here] = -1
            here = there
        lengths.append(len(path) - begin)
    return np.array(path, np.int64), np.array(lengths, np.int64)
