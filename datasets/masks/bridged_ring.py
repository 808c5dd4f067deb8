"""Join several rings into one: bridges without width, followed in both directions, connect holes and parts.

pycocotools and OpenCV fill by the even-odd rule, so a line followed in both directions encloses nothing. OpenCV
also draws the line itself. Between a hole and the outside, the line is inside the mask; between two parts it adds
pixels. Bridges are therefore as short as possible.
"""

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

from datasets.masks.ring_table import RingTable, ring_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Point = tuple[float, float]
Ring = list[Point]


def join_rings(rings: "Sequence[NDArray[np.float64]]") -> tuple[Ring, list[tuple[Point, Point]]]:
    """One unclosed ring that encloses what `rings` (n x 2 arrays) enclose, and its bridges.

    The bridges form a minimum spanning tree between the rings. They start and end at corners or, on horizontal and
    vertical sides, also at pixel centres (whole numbers plus 0.5).
    """
    joined, bridges = join_owners(ring_table(rings, [0] * len(rings)))
    return list(map(tuple, joined.points.tolist())), [(tuple(a), tuple(b)) for a, b in bridges.tolist()]


def join_owners(table: RingTable) -> "tuple[RingTable, NDArray[np.float64]]":
    """`join_rings` of the rings of each owner, which are consecutive; the B bridges are B x 2 x 2."""
    import numpy as np

    owners, begins, rings = np.unique(table.owner, return_index=True, return_counts=True)
    several = np.flatnonzero(rings > 1)
    bridges: list[tuple[int, int]] = []
    if not len(several):
        return _without_repeats(table), np.empty((0, 2, 2))
    is_several = np.repeat(rings > 1, rings)
    dense, is_corner = _add_centres(table.select(is_several))
    corners = np.flatnonzero(is_corner)
    bounds = np.cumsum([0, *dense.lengths]).tolist()
    corner_bounds = np.searchsorted(corners, bounds).tolist()
    own_corners, listed = [], corners.tolist()
    for begin, end in pairwise(corner_bounds):
        own_corners.append(listed[begin:end])
    first = 0
    walks: dict[int, list[int]] = {}
    for owner in several.tolist():
        last = first + int(rings[owner])
        path, crossed = _join(dense.points, bounds[first : last + 1], own_corners[first:last])
        walks[owner] = path
        bridges += crossed
        first = last
    single = table.starts.tolist()
    lengths = table.lengths.tolist()
    # points of single rings, followed by the points of joined rings
    order: list[NDArray[np.int64]] = []
    for owner, begin in enumerate(begins.tolist()):
        if owner in walks:
            order.append(np.array(walks[owner]) + len(table.points))
        else:
            order.append(np.arange(single[begin], single[begin] + lengths[begin]))
    both = np.concatenate((table.points, dense.points))
    joined = RingTable(both[np.concatenate(order)], np.array([len(path) for path in order]), owners)
    return _without_repeats(joined), dense.points[np.array(bridges)]


def _join(
    points: "NDArray[np.float64]", bounds: list[int], corners: list[list[int]]
) -> tuple[list[int], list[tuple[int, int]]]:
    """A walk around the rings between `bounds`, as indices of `points`, and the ends of its bridges.

    `corners` are the indices of the original points of each ring, without the added centres.
    """
    inserts: list[dict[int, list[int]]] = [{} for _ in corners]

    def walk(ring: int, start: int) -> list[int]:
        inserted, own = inserts[ring], corners[ring]
        passed = sorted({*own, start, *inserted})
        at = bisect_left(passed, start)
        turned = passed[at:] + passed[:at]
        if not inserted:
            return turned
        walked: list[int] = []
        for k in turned:
            walked.append(k)
            walked += inserted.get(k, ())
        return walked

    bridges = []
    for ring, start, parent, vertex in reversed(_spanning_tree(points, bounds)):
        bridges.append((start, vertex))
        inserts[parent].setdefault(vertex, []).extend([*walk(ring, start), start, vertex])
    return walk(0, bounds[0]), bridges


def _without_repeats(table: RingTable) -> RingTable:
    """The rings without repeated consecutive points."""
    import numpy as np

    kept = (table.points != table.points[table.previous_point()]).any(axis=1)
    if kept.all():
        return table
    lengths = np.add.reduceat(kept, table.starts, dtype=np.int64)
    return RingTable(table.points[kept], lengths, table.owner)


def _add_centres(table: RingTable) -> "tuple[RingTable, NDArray[np.bool_]]":
    """Rings with added pixel centres along their horizontal and vertical sides, and which points are original."""
    import numpy as np

    points = table.points
    step = points[table.next_point()] - points
    axis = np.abs(step).argmax(axis=1)
    rows = np.arange(len(points))
    along, begin = step[rows, axis], points[rows, axis]
    sign = np.sign(along)
    first = np.floor(sign * begin + 0.5) + 0.5  # the first centre beyond the beginning
    count = np.maximum(np.ceil(sign * begin + np.abs(along) - first), 0).astype(np.int64)
    count[step[rows, 1 - axis] != 0] = 0
    new = np.repeat(points, count, axis=0)
    nth = np.arange(len(new)) - np.repeat(np.cumsum(count) - count, count)
    new[np.arange(len(new)), np.repeat(axis, count)] = np.repeat(sign, count) * (np.repeat(first, count) + nth)
    at = np.repeat(rows + 1, count)
    is_own = np.insert(np.ones(len(points), np.bool_), at, False)
    lengths = table.lengths + np.add.reduceat(count, table.starts)
    return RingTable(np.insert(points, at, new, axis=0), lengths, table.owner), is_own


def _spanning_tree(points: "NDArray[np.float64]", bounds: list[int]) -> list[tuple[int, int, int, int]]:
    """Minimum spanning tree of the rings between `bounds`, root first: (ring, point, parent ring, point)."""
    import numpy as np
    from scipy.spatial import cKDTree

    left = np.arange(bounds[1], bounds[-1])  # points of rings that are not joined yet
    owner = np.repeat(np.arange(1, len(bounds) - 1), np.diff(bounds[1:]))
    distance = np.full(len(left), np.inf)
    parent, vertex = np.zeros((2, len(left)), np.int64)
    joined: list[tuple[int, int, int, int]] = []
    newest = 0
    while len(left):
        to_newest, nearest = cKDTree(points[bounds[newest] : bounds[newest + 1]]).query(points[left])
        closer = to_newest < distance
        distance = np.where(closer, to_newest, distance)
        parent = np.where(closer, newest, parent)
        vertex = np.where(closer, nearest + bounds[newest], vertex)
        k = int(distance.argmin())
        newest = int(owner[k])
        joined.append((newest, int(left[k]), int(parent[k]), int(vertex[k])))
        kept = owner != newest
        left, owner, distance, parent, vertex = (a[kept] for a in (left, owner, distance, parent, vertex))
    return joined
