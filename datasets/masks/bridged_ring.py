"""One ring that says what several rings say: holes and parts joined by bridges of no width, walked twice.

Under the even-odd rule, which pycocotools and OpenCV fill by, a line walked there and back encloses nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely import LinearRing, MultiPolygon, Polygon

Ring = list[tuple[float, float]]


def outline_to_ring(outline: "Polygon | MultiPolygon") -> Ring:
    """One unclosed ring that says the outline with its holes and parts, in the units of the outline."""
    polygons: list[Polygon] = list(getattr(outline, "geoms", [outline]))
    return _bridge([_points(ring) for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)])


def _points(ring: "LinearRing") -> "NDArray[np.float64]":
    import numpy as np

    return np.asarray(ring.coords, np.float64)[:-1]


def _bridge(rings: "list[NDArray[np.float64]]") -> Ring:
    """Walk the first ring, and from the vertex nearest to it each ring that hangs on it, and so on."""
    inserts: list[list[Ring]] = [[[] for _ in ring] for ring in rings]

    def walk(ring: int, start: int) -> Ring:
        walked: Ring = []
        for offset in range(len(rings[ring])):
            k = (start + offset) % len(rings[ring])
            walked += [_point(rings[ring][k]), *inserts[ring][k]]
        return walked

    for ring, start, parent, vertex in reversed(_hang(rings)):
        there_and_back = [*walk(ring, start), _point(rings[ring][start]), _point(rings[parent][vertex])]
        inserts[parent][vertex] += there_and_back
    whole = walk(0, 0)
    return [point for i, point in enumerate(whole) if point != whole[i - 1]]


def _hang(rings: "list[NDArray[np.float64]]") -> list[tuple[int, int, int, int]]:
    """Minimum spanning tree of the rings, root first: (ring, vertex in it, ring it hangs on, vertex in that)."""
    if len(rings) == 1:
        return []
    import numpy as np
    from scipy.spatial import cKDTree

    sizes = [len(ring) for ring in rings]
    points, owner = np.concatenate(rings), np.repeat(np.arange(len(rings)), sizes)
    own_vertex = np.concatenate([np.arange(size) for size in sizes])
    distance = np.full(len(points), np.inf)
    parent, vertex = np.zeros((2, len(points)), np.int64)
    hung: list[tuple[int, int, int, int]] = []
    is_hung = owner == 0
    newest = 0
    for _ in rings[1:]:
        to_newest, nearest = cKDTree(rings[newest]).query(points)
        closer = to_newest < distance
        distance[closer], parent[closer], vertex[closer] = to_newest[closer], newest, nearest[closer]
        k = int(np.where(is_hung, np.inf, distance).argmin())
        newest = int(owner[k])
        is_hung |= owner == newest
        hung.append((newest, int(own_vertex[k]), int(parent[k]), int(vertex[k])))
    return hung


def _point(xy: "NDArray[np.float64]") -> tuple[float, float]:
    return (float(xy[0]), float(xy[1]))
