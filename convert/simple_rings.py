"""Rings around the pixels of parts of masks, with as few corners as a tolerance allows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datasets.masks.edges import cancel_pairs
from datasets.masks.polygon_fill import fill_rings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rings = Sequence[NDArray[np.float64]]

SHARES = (1.0, 0.5, 0.25)  # of the tolerance, tried in turn until the ring covers almost the same pixels


def simplify_rings(
    corners: "Sequence[NDArray[np.int64]]", tolerance: float, min_iou: float
) -> "list[NDArray[np.float64]]":
    """For each ring of pixel corners (n x 2, not closed, in pixels from 0 on) a ring with fewer points.

    It deviates from the ring through the midpoints of the pixel sides by at most `tolerance` pixels and covers the
    same pixels at an intersection over union of `min_iou` or more; with `tolerance` 0 it covers exactly the
    same. All rings are simplified and filled together, which takes little longer than one.
    """
    import numpy as np
    import shapely

    if not corners:
        return []
    exact = [ring.astype(np.float64) for ring in corners]
    width, height = np.max([ring.max(axis=0) for ring in corners], axis=0).tolist()
    middles, polygons = _midpoints(corners)
    simplified: dict[int, NDArray[np.float64]] = {}
    wanted = _fill(exact, range(len(exact)), height, width)
    left = list(range(len(exact)))
    for share in SHARES if tolerance else ():
        rings = _exteriors(shapely.simplify(polygons[left], tolerance * share))
        ious = _ious(_fill(rings, left, height, width), wanted, len(exact), height * width + 1)
        tried = zip(left, rings, strict=True)
        simplified |= {i: ring for i, ring in tried if len(ring) > 2 and ious[i] >= min_iou}
        left = [i for i in left if i not in simplified]
        if not left:
            break
    if left:
        filled = _fill([middles[i] for i in left], left, height, width)
        ious = _ious(filled, wanted, len(exact), height * width + 1)
        simplified |= {i: middles[i] if ious[i] == 1 else exact[i] for i in left}
    return [simplified[i] for i in range(len(exact))]


def _exteriors(polygons: "NDArray[np.object_]") -> "Rings":
    """The outer ring of each shapely polygon without holes, not closed; empty where the polygon is."""
    import numpy as np
    import shapely

    points, owner = shapely.get_coordinates(polygons, return_index=True)
    stop = np.cumsum(np.bincount(owner, minlength=len(polygons)))
    return [ring[:-1] for ring in np.split(points, stop[:-1])]


def _fill(rings: "Rings", owners: Sequence[int], height: int, width: int) -> "NDArray[np.int64]":
    """The edges of rings in one array (see `fill_rings`)."""
    import numpy as np

    lengths = np.array([len(ring) for ring in rings])
    is_ring = lengths > 0
    return fill_rings(np.concatenate(rings), lengths[is_ring], np.array(owners)[is_ring], height, width)


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


def _midpoints(corners: "Sequence[NDArray[np.int64]]") -> "tuple[Rings, NDArray[np.object_]]":
    """The rings through the midpoints of the outermost pixel sides, which contain the same pixel centres as
    `corners`.

    As arrays, not closed, and as shapely polygons. The polygons leave out points on the straight line between
    their neighbours: simplifying them gives the same, in less than half the time.
    """
    import numpy as np
    import shapely

    lengths = np.array([len(ring) for ring in corners])
    start = np.concatenate(corners)
    last = np.cumsum(lengths) - 1
    end = np.empty_like(start)
    end[:-1] = start[1:]
    end[last] = start[last + 1 - lengths]
    step = end - start
    length = np.abs(step).sum(axis=1)
    half = step / length[:, None] / 2
    both = np.stack((start + half, end - half), axis=1).reshape(-1, 2)
    kept = np.ones(len(both), np.bool_)
    kept[1::2] = length > 1
    owner = np.repeat(np.arange(len(corners)), 2 * lengths)[kept]
    points = both[kept]
    stop = np.cumsum(np.bincount(owner, minlength=len(corners)))
    first = stop - np.diff(stop, prepend=0)
    before, after = np.arange(-1, len(points) - 1), np.arange(1, len(points) + 1)
    before[first], after[stop - 1] = stop - 1, first
    to_point, from_point = points - points[before], points[after] - points
    turns = to_point[:, 0] * from_point[:, 1] != to_point[:, 1] * from_point[:, 0]
    turns[first] = True
    rings = shapely.linearrings(points[turns], indices=owner[turns])
    polygons = np.atleast_1d(np.asarray(shapely.polygons(rings), np.object_))
    return np.split(points, stop[:-1]), polygons
