"""Rings around the pixels of parts of masks, with as few corners as a tolerance allows."""

from itertools import pairwise
from typing import TYPE_CHECKING

from datasets.masks.edges import cancel_pairs
from datasets.masks.polygon_fill import fill_rings
from datasets.masks.ring_table import RingTable, ring_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARES = (1.0, 0.5, 0.25)  # of the tolerance, tried in turn until the ring covers almost the same pixels
MAX_COLUMNS = 1_000_000  # of pixels that the sides of rings cross which are filled together


def simplify_rings(corners: RingTable, tolerance: float, min_iou: float) -> RingTable:
    """For each ring of pixel corners that begins at its leftmost corner a ring with fewer points.

    It deviates from the ring through the midpoints of the pixel sides by at most `tolerance` pixels and covers the
    same pixels at an intersection over union of `min_iou` or more; with `tolerance` 0 it covers exactly the same.
    Many rings are simplified and filled together, which takes little longer than one, and equal ones once.
    """
    import numpy as np

    if not len(corners.lengths):
        return corners
    # the coordinates from the leftmost and topmost point of each ring, in which many small rings are equal
    corner = np.minimum.reduceat(corners.points, corners.starts)
    moved = corners.points - np.repeat(corner, corners.lengths, axis=0)
    content, bounds = moved.astype(np.int32).tobytes(), (8 * np.append(0, corners.stops)).tolist()
    numbers: dict[bytes, int] = {}
    shape_of = [numbers.setdefault(content[i:j], len(numbers)) for i, j in pairwise(bounds)]
    _, first = np.unique(shape_of, return_index=True)
    shapes = RingTable(moved, corners.lengths, corners.owner).reorder(first)
    crossed = np.add.reduceat(np.abs(shapes.points[shapes.next_point(), 0] - shapes.points[:, 0]), shapes.starts)
    group = (np.cumsum(crossed) - crossed) // MAX_COLUMNS
    simple: list[NDArray[np.float64]] = []
    for k in np.unique(group):
        simple += _simplify(shapes.select(group == k), tolerance, min_iou)
    simplified = ring_table(simple, np.arange(len(simple))).reorder(np.array(shape_of))
    points = simplified.points + np.repeat(corner, simplified.lengths, axis=0)
    return RingTable(points, simplified.lengths, corners.owner)


def _simplify(corners: RingTable, tolerance: float, min_iou: float) -> "list[NDArray[np.float64]]":
    import numpy as np
    import shapely

    width, height = corners.points.max(axis=0).astype(int).tolist()
    count, stride = len(corners.lengths), height * width + 1
    midpoints, polygons = _midpoints(corners)
    numbers = np.arange(count)
    wanted = fill_rings(corners.points, corners.lengths, numbers, height, width)
    simplified: list[NDArray[np.float64] | None] = [None] * count
    left = numbers
    for share in SHARES if tolerance else ():
        rings = _exteriors(shapely.simplify(polygons[left], tolerance * share), left)
        ious = _ious(fill_rings(rings.points, rings.lengths, rings.owner, height, width), wanted, count, stride)
        is_good = (ious[rings.owner] >= min_iou) & (rings.lengths > 2)
        for k, ring, good in zip(rings.owner.tolist(), rings.rings(), is_good.tolist(), strict=True):
            if good:
                simplified[k] = ring
        left = np.array([k for k in left.tolist() if simplified[k] is None], np.int64)
        if not len(left):
            break
    if len(left):
        rings = midpoints.reorder(left)
        ious = _ious(fill_rings(rings.points, rings.lengths, left, height, width), wanted, count, stride)
        exact = corners.reorder(left).rings()
        for k, ring, own in zip(left.tolist(), rings.rings(), exact, strict=True):
            simplified[k] = ring if ious[k] == 1 else own
    return [ring for ring in simplified if ring is not None]


def _exteriors(polygons: "NDArray[np.object_]", owner: "NDArray[np.int64]") -> RingTable:
    """The outer ring of each shapely polygon without holes, not closed; none where the polygon is empty."""
    import numpy as np
    import shapely

    points, number = shapely.get_coordinates(polygons, return_index=True)
    lengths = np.bincount(number, minlength=len(polygons))
    is_last = np.zeros(len(points), np.bool_)
    is_last[np.cumsum(lengths)[lengths > 0] - 1] = True
    return RingTable(points[~is_last], lengths[lengths > 0] - 1, owner[lengths > 0])


def _ious(
    first: "NDArray[np.int64]", second: "NDArray[np.int64]", count: int, stride: int
) -> "NDArray[np.float64]":
    """Intersection over union of the masks of each of `count` owners, in two arrays of edges, `stride` apart.

    Masks that the first array does not have are empty; those of the second are not.
    """
    import numpy as np

    areas = _areas(first, count, stride) + _areas(second, count, stride)
    different = _areas(cancel_pairs(np.sort(np.concatenate((first, second)), kind="stable")), count, stride)
    ious: NDArray[np.float64] = (areas - different) / (areas + different)
    return ious


def _areas(edges: "NDArray[np.int64]", count: int, stride: int) -> "NDArray[np.float64]":
    import numpy as np

    start, end = edges[0::2], edges[1::2]
    areas = np.bincount(start // stride, weights=end - start, minlength=count)
    return areas.astype(np.float64)  # of no edges it has whole numbers


def _midpoints(corners: RingTable) -> "tuple[RingTable, NDArray[np.object_]]":
    """The rings through the midpoints of the outermost pixel sides, around the same pixel centres as `corners`.

    As a table and as shapely polygons. The polygons leave out points on the straight line between their
    neighbours: simplifying them gives the same, in less than half the time.
    """
    import numpy as np
    import shapely

    start = corners.points
    end = start[corners.next_point()]
    step = end - start
    length = np.abs(step).sum(axis=1)
    half = step / length[:, None] / 2
    both = np.stack((start + half, end - half), axis=1).reshape(-1, 2)
    kept = np.ones(len(both), np.bool_)
    kept[1::2] = length > 1
    ring = np.repeat(corners.ring_of_point(), 2)[kept]
    midpoints = RingTable(both[kept], np.bincount(ring), corners.owner)
    points = midpoints.points
    to_point, from_point = points - points[midpoints.previous_point()], points[midpoints.next_point()] - points
    turns = to_point[:, 0] * from_point[:, 1] != to_point[:, 1] * from_point[:, 0]
    turns[midpoints.starts] = True
    rings = shapely.linearrings(points[turns], indices=ring[turns])
    return midpoints, np.atleast_1d(np.asarray(shapely.polygons(rings), np.object_))
