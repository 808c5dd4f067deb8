"""The area of a polygon that may cross itself."""

from collections.abc import Sequence
from itertools import pairwise

from datasets.formats.labelme import Point
from datasets.masks.crossings import crosses_often

NO_AREA = 1e-6  # square pixels; smaller values are rounding errors


def ring_area(ring: Sequence[Point]) -> float:
    """The area in square pixels that a polygon encloses; it may cross itself.

    >>> ring_area([(0, 0), (4, 0), (4, 4), (0, 4)])
    16.0
    """
    if len(ring) < 3:
        return 0
    area = abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise([*ring, ring[0]]))) / 2
    if area < NO_AREA:  # the two halves of a bow tie cancel
        import shapely

        # an outline that crosses itself that often encloses some area; how much takes minutes to compute
        repaired = shapely.convex_hull if crosses_often(ring) else shapely.make_valid
        area = repaired(shapely.Polygon(ring)).area
    return area if area >= NO_AREA else 0
