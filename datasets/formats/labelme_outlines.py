"""Convert drawn polygons to outlines that can be filled: with an area, inside the image, of limited length."""

from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import Polygons
from datasets.formats.labelme import Point
from system.errors import InputError

if TYPE_CHECKING:
    from shapely import LinearRing, Polygon
    from shapely.geometry.base import BaseGeometry

MAX_OUTLINE_LENGTH = 2e6  # pixels; pycocotools needs 80 bytes per pixel
MAX_POINTS_TO_REPAIR = 1000  # the crossings that make_valid has to find grow with the square


class Outline(msgspec.Struct, frozen=True):
    """A shape to fill by the even-odd rule over its rings; `polygons`, if given, cover the same pixels.

    `events` are (code, value). If nothing is left, there are no rings and the event states the reason.
    """

    rings: Sequence[Sequence[Point]]
    polygons: Polygons | None
    events: list[tuple[str, str]]


class CheckedRing(msgspec.Struct, frozen=True):
    """The polygon of a ring, None if it has no area, and whether it is valid (does not cross itself).

    `bounds` are the smallest x and y and the largest x and y of its points.
    """

    polygon: "Polygon | None"
    valid: bool = False
    bounds: tuple[float, float, float, float] = (0, 0, 0, 0)


def check_rings(rings: Sequence[Sequence[Point]]) -> list[CheckedRing]:
    """Check several rings at once, which takes little longer than one."""
    import numpy as np
    import shapely

    checked = [CheckedRing(None)] * len(rings)
    # shapely closes rings, and refuses closed rings of fewer than four points
    usable = [i for i, ring in enumerate(rings) if len(ring) > 3 or (len(ring) == 3 and ring[0] != ring[2])]
    if usable:
        lengths = [len(rings[i]) for i in usable]
        flat = chain.from_iterable(chain.from_iterable(rings[i] for i in usable))
        points = np.fromiter(flat, np.float64, 2 * sum(lengths)).reshape(-1, 2)
        owner = np.repeat(np.arange(len(usable)), lengths)
        polygons = np.asarray(shapely.polygons(shapely.linearrings(points, indices=owner)))
        begins = np.cumsum([0, *lengths[:-1]], dtype=np.int64)
        low, high = np.minimum.reduceat(points, begins).tolist(), np.maximum.reduceat(points, begins).tolist()
        valid = np.asarray(shapely.is_valid(polygons)).tolist()
        for k, i in enumerate(usable):
            if valid[k] or shapely.convex_hull(polygons[k]).area > 0:
                checked[i] = CheckedRing(polygons[k], valid[k], (*low[k], *high[k]))
    return checked


def outline(
    path: Path | str,
    index: int,
    points: Sequence[Point],
    checked: CheckedRing,
    size: tuple[int, int],
    *,
    as_polygons: bool,
) -> Outline:
    """The outline to fill for the points of shape `index` in an image of `size` (height, width).

    Raises InputError for an outline that is too long to be filled.
    """
    import shapely

    height, width = size
    polygon, valid = checked.polygon, checked.valid
    if polygon is None:
        return Outline([], None, [("no-area", f"{len(points)} points")])
    x0, y0, x1, y1 = checked.bounds
    events = [] if valid else [("self-crossing", shapely.is_valid_reason(polygon))]
    inside = x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height
    if not inside:
        events.append(("clipped", f"{x0:g}, {y0:g} to {x1:g}, {y1:g}"))
        points = _clip(points, height, width)
        clipped = check_rings([points])[0]
        polygon, valid = clipped.polygon, clipped.valid
        if polygon is None:
            return Outline([], None, [("outside", f"{x0:g}, {y0:g} to {x1:g}, {y1:g}")])
    _check_length(path, index, points, height, width)
    if not as_polygons or len(points) > MAX_POINTS_TO_REPAIR:
        return Outline([points], None, events)
    if valid:
        return Outline([points], [[v for point in points for v in point]], events)
    parts = polygon_parts(shapely.make_valid(polygon))
    if not parts:
        return Outline([], None, [("no-area", "nothing is left after repair")])
    rings = [ring_points(ring) for part in parts for ring in (part.exterior, *part.interiors)]
    has_holes = len(rings) > len(parts)
    return Outline(rings, None if has_holes else [[v for p in ring for v in p] for ring in rings], events)


def _clip(points: Sequence[Point], height: int, width: int) -> list[Point]:
    """The ring inside the image, by Sutherland and Hodgman's algorithm; even-odd filling fills the same."""
    ring = list(points)
    for axis, limit, sign in ((0, 0.0, 1), (0, float(width), -1), (1, 0.0, 1), (1, float(height), -1)):
        kept: list[Point] = []
        for before, here in pairwise([*ring[-1:], *ring]):
            depth_before, depth = sign * (before[axis] - limit), sign * (here[axis] - limit)
            if (depth_before < 0) != (depth < 0):
                share = depth_before / (depth_before - depth)
                other = before[1 - axis] + share * (here[1 - axis] - before[1 - axis])
                kept.append((limit, other) if axis == 0 else (other, limit))
            if depth >= 0:
                kept.append(here)
        ring = kept
    return ring


def _check_length(path: Path | str, index: int, points: Sequence[Point], height: int, width: int) -> None:
    if len(points) * (height + width) < MAX_OUTLINE_LENGTH:
        return
    ring = [*points, points[0]]
    if sum(max(abs(x1 - x0), abs(y1 - y0)) for (x0, y0), (x1, y1) in pairwise(ring)) > MAX_OUTLINE_LENGTH:
        problem = f"$.shapes[{index}].points has an outline longer than {MAX_OUTLINE_LENGTH:g} pixels"
        raise InputError(path, problem, "redraw the shape")


def polygon_parts(geometry: "BaseGeometry") -> "list[Polygon]":
    """The polygons of a geometry, without its lines and points."""
    parts: list[Polygon] = []
    for part in getattr(geometry, "geoms", [geometry]):
        if part.geom_type == "MultiPolygon":
            parts += part.geoms
        elif part.geom_type == "Polygon" and part.area > 0:
            parts.append(part)
    return parts


def ring_points(ring: "LinearRing") -> list[Point]:
    """The points of a ring without the repeated first point."""
    return [(x, y) for x, y in ring.coords[:-1]]
