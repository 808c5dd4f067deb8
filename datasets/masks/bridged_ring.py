"""Join several rings into one: holes and parts are connected by bridges of no width, walked there and back.

By the even-odd rule, which pycocotools and OpenCV fill by, a line walked there and back encloses nothing. OpenCV
also draws the line itself: between a hole and the outside it is inside the mask, between two parts it adds pixels,
so the bridges are as short as possible.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Point = tuple[float, float]
Ring = list[Point]


def join_rings(rings: "Sequence[NDArray[np.float64]]") -> tuple[Ring, list[tuple[Point, Point]]]:
    """One unclosed ring that encloses what `rings` (n x 2 arrays) enclose, and its bridges.

    The bridges form a minimum spanning tree between the rings. They start and end at corners or, on horizontal and
    vertical sides, also at multiples of 1 plus 0.5, which are the centres of pixels.
    """
    import numpy as np

    if len(rings) == 1:
        return _without_repeats(list(map(tuple, rings[0].tolist()))), []
    dense, is_corner = zip(*(_add_centres(ring) for ring in rings), strict=True)
    points: list[Ring] = [list(map(tuple, ring.tolist())) for ring in dense]
    corner: list[list[bool]] = [flags.tolist() for flags in is_corner]
    inserts: dict[tuple[int, int], Ring] = {}
    bridges = []

    def walk(ring: int, start: int) -> Ring:
        walked: Ring = []
        size = len(points[ring])
        for k in (*range(start, size), *range(start)):
            inserted = inserts.get((ring, k))
            if inserted is not None or corner[ring][k] or k == start:
                walked.append(points[ring][k])
            walked += inserted or ()
        return walked

    for ring, start, parent, vertex in reversed(_spanning_tree([np.asarray(ring) for ring in dense])):
        here, there = points[ring][start], points[parent][vertex]
        bridges.append((here, there))
        inserts.setdefault((parent, vertex), []).extend([*walk(ring, start), here, there])
    return _without_repeats(walk(0, 0)), bridges


def _without_repeats(ring: Ring) -> Ring:
    return [point for i, point in enumerate(ring) if point != ring[i - 1]]


def _add_centres(ring: "NDArray[np.float64]") -> "tuple[NDArray[np.float64], NDArray[np.bool_]]":
    """The ring with the pixel centres along its horizontal and vertical sides, and which points are its own."""
    import numpy as np

    step = np.roll(ring, -1, axis=0) - ring
    axis = np.abs(step).argmax(axis=1)
    rows = np.arange(len(ring))
    along, begin = step[rows, axis], ring[rows, axis]
    sign = np.sign(along)
    first = np.floor(sign * begin + 0.5) + 0.5  # the first centre beyond the beginning
    count = np.maximum(np.ceil(sign * begin + np.abs(along) - first), 0).astype(np.int64)
    count[step[rows, 1 - axis] != 0] = 0
    new = np.repeat(ring, count, axis=0)
    nth = np.arange(len(new)) - np.repeat(np.cumsum(count) - count, count)
    new[np.arange(len(new)), np.repeat(axis, count)] = np.repeat(sign, count) * (np.repeat(first, count) + nth)
    at = np.repeat(rows + 1, count)
    return np.insert(ring, at, new, axis=0), np.insert(np.ones(len(ring), np.bool_), at, False)


def _spanning_tree(rings: "list[NDArray[np.float64]]") -> list[tuple[int, int, int, int]]:
    """Minimum spanning tree of the rings, root first: (ring, vertex in it, its parent ring, vertex in that)."""
    import numpy as np
    from scipy.spatial import cKDTree

    sizes = [len(ring) for ring in rings]
    points, owner = np.concatenate(rings), np.repeat(np.arange(len(rings)), sizes)
    own_vertex = np.concatenate([np.arange(size) for size in sizes])
    distance = np.full(len(points), np.inf)
    parent, vertex = np.zeros((2, len(points)), np.int64)
    joined: list[tuple[int, int, int, int]] = []
    is_joined = owner == 0
    newest = 0
    for _ in rings[1:]:
        to_newest, nearest = cKDTree(rings[newest]).query(points)
        closer = to_newest < distance
        distance[closer], parent[closer], vertex[closer] = to_newest[closer], newest, nearest[closer]
        k = int(np.where(is_joined, np.inf, distance).argmin())
        newest = int(owner[k])
        is_joined |= owner == newest
        joined.append((newest, int(own_vertex[k]), int(parent[k]), int(vertex[k])))
    return joined
