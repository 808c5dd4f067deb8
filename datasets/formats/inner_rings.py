"""Polygons inside another polygon of their COCO annotation.

COCO joins the polygons of an annotation. One inside another adds no pixels there; scripts that write every contour
of a mask (`cv2.findContours` with RETR_TREE, RETR_CCOMP or RETR_LIST) mean the outline of a hole.
"""

from typing import TYPE_CHECKING

from datasets.coco import MAX_COORDINATE, Polygons, Rle, Segmentation

if TYPE_CHECKING:
    import shapely

MAX_WORK = 10**6  # polygons times points; an annotation with more is not compared


def find_inner_rings(segmentation: Segmentation) -> list[int]:
    """The indices of the polygons inside another one of `segmentation`; of two equal polygons none is.

    >>> find_inner_rings([[0, 0, 9, 0, 9, 9, 0, 9], [2, 2, 4, 2, 4, 4]])
    [1]
    """
    if isinstance(segmentation, Rle) or len(segmentation) < 2:
        return []
    if len(segmentation) * sum(map(len, segmentation)) > 2 * MAX_WORK:
        return []
    extents = _extents(segmentation)
    candidates = {
        inner: [outer for outer, large in extents.items() if large != small and _holds(large, small)]
        for inner, small in extents.items()
    }
    involved = {i for inner, outers in candidates.items() if outers for i in (inner, *outers)}
    polygons = {i: _polygon(segmentation[i]) for i in involved}
    return [
        inner
        for inner, outers in candidates.items()
        if outers and polygons[inner].is_valid and any(_covers(polygons[i], polygons[inner]) for i in outers)
    ]


def _extents(rings: Polygons) -> dict[int, tuple[float, float, float, float]]:
    """Left, top, right and bottom of each polygon that can be drawn."""
    return {
        i: (min(ring[::2]), min(ring[1::2]), max(ring[::2]), max(ring[1::2]))
        for i, ring in enumerate(rings)
        if len(ring) >= 6 and len(ring) % 2 == 0 and max(map(abs, ring)) <= MAX_COORDINATE
    }


def _holds(large: tuple[float, ...], small: tuple[float, ...]) -> bool:
    return large[0] <= small[0] and large[1] <= small[1] and small[2] <= large[2] and small[3] <= large[3]


def _polygon(ring: list[float]) -> "shapely.Polygon":
    import shapely

    polygon = shapely.Polygon(list(zip(ring[::2], ring[1::2], strict=True)))
    shapely.prepare(polygon)
    return polygon


def _covers(outer: "shapely.Polygon", inner: "shapely.Polygon") -> bool:
    return bool(outer.is_valid and outer.covers(inner))
