"""The shapes of a labelme file to the pixels they cover: a pixel belongs to a shape when its centre lies inside.

Where polygons are to be written as drawn, their pixels are those that readers of a COCO file fill them with, which
is what pycocotools does; see datasets.scanline for how the two differ.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from convert.shape_mask import read_shape_mask
from datasets.coco import Polygons
from datasets.errors import InputError
from datasets.labelme import Point, Shape
from datasets.scanline import fill_even_odd

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely import LinearRing, Polygon
    from shapely.geometry.base import BaseGeometry

POINTS_OF = {"rectangle": 2, "oriented_rectangle": 4, "circle": 2, "mask": 2, "line": 2, "point": 1}
WITHOUT_AREA = frozenset({"point", "points", "line", "linestrip"})
KNOWN = WITHOUT_AREA | {"polygon", "rectangle", "oriented_rectangle", "circle", "mask"}
LONGEST_OUTLINE = 2e6  # pixels; pycocotools needs 80 bytes for each
MOST_POINTS = 20_000  # to look for crossings in takes up to the square of it
MOST_POINTS_TO_REPAIR = 1000  # the crossings that make_valid has to find grow with the square


class Drawn(msgspec.Struct, frozen=True):
    """What a shape became: a pycocotools mask, None where nothing is left, and polygons that say just the same.

    The mask may be without a pixel, where no pixel centre lies inside. `events` are (code, value).
    """

    rle: Any
    polygons: Polygons | None
    events: list[tuple[str, str]]


class _Outlined(msgspec.Struct, frozen=True):
    """A shape that is yet to be filled, by the even-odd rule over its rings; `polygons` say the same if given."""

    rings: Sequence[Sequence[Point]]
    polygons: Polygons | None
    events: list[tuple[str, str]]


def draw_shapes(
    path: Path,
    shapes: Sequence[tuple[int, Shape]],
    height: int,
    width: int,
    line_width: float | None = None,
    *,
    as_polygons: bool = False,
) -> list[Drawn]:
    """The pixels of each (index, shape) of the labelme file `path`, whose picture has height x width pixels.

    What has no area is lost without `line_width` (pixels). With `as_polygons` there are polygons where they can
    say the same. Raises InputError for what labelme does not write.
    """
    drawn: dict[int, Drawn] = {}
    outlined: dict[int, _Outlined] = {}
    for index, shape in shapes:
        _check(path, index, shape)
        result = _draw(path, index, shape, height, width, line_width, as_polygons=as_polygons)
        if isinstance(result, Drawn):
            drawn[index] = result
        elif result.polygons is not None:
            drawn[index] = Drawn(fill(result.polygons, height, width), result.polygons, result.events)
        else:
            outlined[index] = result
    rles = fill_even_odd([shape.rings for shape in outlined.values()], height, width)
    for (index, shape_outlined), rle in zip(outlined.items(), rles, strict=True):
        drawn[index] = Drawn(rle, None, shape_outlined.events)
    return [drawn[index] for index, _ in shapes]


def fill(rings: Sequence[Sequence[float]], height: int, width: int) -> Any:
    """The pycocotools mask of the union of rings [x1, y1, x2, y2, ...] that lie inside the picture."""
    from pycocotools import mask as coco_mask

    rles = coco_mask.frPyObjects(rings, height, width)
    return coco_mask.merge(rles) if len(rles) > 1 else rles[0]


def _draw(
    path: Path,
    index: int,
    shape: Shape,
    height: int,
    width: int,
    line_width: float | None,
    *,
    as_polygons: bool,
) -> Drawn | _Outlined:
    if shape.kind in WITHOUT_AREA:
        return _draw_lines(shape, height, width, line_width)
    if shape.kind == "circle":
        return _draw_circle(shape, height, width)
    if shape.kind == "mask":
        return _draw_mask(*read_shape_mask(path, index, shape, height, width), height, width)
    return _outline(path, index, _corners(shape), height, width, as_polygons=as_polygons)


def _check(path: Path, index: int, shape: Shape) -> None:
    where = f"$.shapes[{index}]"
    if shape.kind not in KNOWN:
        raise InputError(
            path, f"{where}.shape_type {shape.kind!r} is unknown", f"known are {', '.join(sorted(KNOWN))}"
        )
    wanted = POINTS_OF.get(shape.kind, len(shape.points))
    if len(shape.points) != wanted:
        problem = f"{where}.points has {len(shape.points)} points where a {shape.kind} has {wanted}"
        raise InputError(path, problem, "draw the shape anew")
    if len(shape.points) > MOST_POINTS:
        problem = f"{where}.points has {len(shape.points)} points, more than {MOST_POINTS}"
        raise InputError(path, problem, "draw the shape anew")
    if shape.kind == "mask" and not shape.mask:
        raise InputError(path, f"{where}.mask is missing", "draw the shape anew")


def _corners(shape: Shape) -> Sequence[Point]:
    if shape.kind == "rectangle":
        (x0, y0), (x1, y1) = shape.points
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return shape.points


def _outline(
    path: Path, index: int, points: Sequence[Point], height: int, width: int, *, as_polygons: bool
) -> Drawn | _Outlined:
    import shapely

    polygon, valid = _polygon(points)
    if polygon is None:
        return _lost("no-area", f"{len(points)} points")
    x0, y0, x1, y1 = _bounds(points)
    events = [] if valid else [("self-crossing", shapely.is_valid_reason(polygon))]
    inside = x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height
    if not inside:
        events.append(("clipped", f"{x0:g}, {y0:g} to {x1:g}, {y1:g}"))
        points = _clip(points, height, width)
        polygon, valid = _polygon(points)
        if polygon is None:
            return _lost("outside", f"{x0:g}, {y0:g} to {x1:g}, {y1:g}")
    _check_length(path, index, points, height, width)
    if not as_polygons or len(points) > MOST_POINTS_TO_REPAIR:
        return _Outlined([points], None, events)
    if valid:
        return _Outlined([points], [[v for point in points for v in point]], events)
    parts = _parts(shapely.make_valid(polygon))
    if not parts:
        return _lost("no-area", "nothing is left of it once repaired")
    rings = [_points(ring) for part in parts for ring in (part.exterior, *part.interiors)]
    has_holes = len(rings) > len(parts)
    return _Outlined(rings, None if has_holes else [[v for p in ring for v in p] for ring in rings], events)


def _polygon(points: Sequence[Point]) -> "tuple[Polygon | None, bool]":
    """The polygon of the points, None where it has no area, and whether it is valid, as when nothing crosses."""
    import shapely

    if len(points) < 3:
        return None, False
    polygon: Polygon = shapely.polygons(shapely.linearrings(points))
    if shapely.is_valid(polygon):
        return polygon, True
    return (polygon if shapely.convex_hull(polygon).area > 0 else None), False


def _bounds(points: Sequence[Point]) -> tuple[float, float, float, float]:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _draw_circle(shape: Shape, height: int, width: int) -> Drawn:
    import numpy as np

    (cx, cy), (px, py) = shape.points
    radius = math.hypot(px - cx, py - cy)
    if radius == 0:
        return _lost("no-area", "radius 0")
    x0, y0 = max(0, math.floor(cx - radius)), max(0, math.floor(cy - radius))
    x1, y1 = min(width, math.ceil(cx + radius)), min(height, math.ceil(cy + radius))
    if x0 >= x1 or y0 >= y1:
        return _lost("outside", f"centre {cx:g}, {cy:g}, radius {radius:g}")
    dx, dy = np.arange(x0, x1) + 0.5 - cx, np.arange(y0, y1) + 0.5 - cy
    inside = dx[None, :] ** 2 + dy[:, None] ** 2 <= radius**2
    cut = cx - radius < 0 or cy - radius < 0 or cx + radius > width or cy + radius > height
    events = [("clipped", f"centre {cx:g}, {cy:g}, radius {radius:g}")] if cut else []
    return Drawn(_place(inside, x0, y0, height, width), None, events)


def _draw_mask(x0: int, y0: int, pixels: "NDArray[np.bool_]", height: int, width: int) -> Drawn:
    if not pixels.any():
        return _lost("no-area", "an empty mask")
    rows, columns = pixels.shape
    inside = pixels[max(0, -y0) : max(0, height - y0), max(0, -x0) : max(0, width - x0)]
    if inside.size == 0:
        return _lost("outside", f"{x0}, {y0}, {columns} x {rows}")
    events = [("clipped", f"{x0}, {y0}, {columns} x {rows}")] if inside.shape != pixels.shape else []
    return Drawn(_place(inside, max(0, x0), max(0, y0), height, width), None, events)


def _draw_lines(shape: Shape, height: int, width: int, line_width: float | None) -> Drawn:
    """Each stretch as a capsule: a rectangle with round ends, a disk for a point."""
    import shapely
    from pycocotools import mask as coco_mask

    if line_width is None:
        return _lost("line-lost", shape.kind)
    rings = []
    for stretch in _stretches(shape):
        core = shapely.LineString(stretch) if len(set(stretch)) > 1 else shapely.Point(stretch[0])
        rings.append(_points(core.buffer(line_width / 2).exterior))
    rle = coco_mask.merge(fill_even_odd([[ring] for ring in rings], height, width))
    if not coco_mask.area(rle):
        return _lost("outside", shape.kind)
    return Drawn(rle, None, [("line-drawn", f"{shape.kind}, {line_width:g} px wide")])


def _stretches(shape: Shape) -> Iterator[tuple[Point, ...]]:
    if shape.kind in {"line", "linestrip"} and len(shape.points) > 1:
        yield from pairwise(shape.points)
    else:
        yield from ((point,) for point in shape.points)


def _clip(points: Sequence[Point], height: int, width: int) -> list[Point]:
    """The ring inside the picture, by Sutherland and Hodgman's algorithm: what even-odd filling fills stays."""
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


def _check_length(path: Path, index: int, points: Sequence[Point], height: int, width: int) -> None:
    if len(points) * (height + width) < LONGEST_OUTLINE:
        return
    ring = [*points, points[0]]
    if sum(max(abs(x1 - x0), abs(y1 - y0)) for (x0, y0), (x1, y1) in pairwise(ring)) > LONGEST_OUTLINE:
        problem = f"$.shapes[{index}].points has an outline of more than {LONGEST_OUTLINE:g} pixels"
        raise InputError(path, problem, "draw the shape anew")


def _parts(geometry: "BaseGeometry") -> "list[Polygon]":
    """The polygons of any geometry, without its lines and points."""
    found: list[Polygon] = []
    for part in getattr(geometry, "geoms", [geometry]):
        if part.geom_type == "MultiPolygon":
            found += part.geoms
        elif part.geom_type == "Polygon" and part.area > 0:
            found.append(part)
    return found


def _points(ring: "LinearRing") -> list[Point]:
    return [(x, y) for x, y in ring.coords[:-1]]


def _place(pixels: "NDArray[np.bool_]", x: int, y: int, height: int, width: int) -> Any:
    import numpy as np
    from pycocotools import mask as coco_mask

    full = np.zeros((height, width), np.uint8, order="F")
    full[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return coco_mask.encode(full)


def _lost(code: str, value: str) -> Drawn:
    return Drawn(None, None, [(code, value)])
