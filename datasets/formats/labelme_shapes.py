"""Draw the shapes of a labelme file: a pixel belongs to a shape if its centre is inside.

Polygons that are written as drawn get the pixels that readers of COCO files fill, as pycocotools does; see
datasets.masks.polygon_fill for the difference.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import Polygons, Rle
from datasets.formats.labelme import Point, Shape
from datasets.formats.labelme_mask import read_shape_mask
from datasets.formats.labelme_outlines import Outline, check_rings, outline, ring_points
from datasets.formats.labelme_shape_types import SHAPE_TYPES
from datasets.masks.edges import crop_edges, cut_to_image, edges_to_rle, edges_to_rles
from datasets.masks.ellipse_fill import ellipse_edges, ellipse_extents
from datasets.masks.polygon_fill import even_odd_edges, fill_even_odd
from datasets.masks.rle import fill_polygons, merge_rles, rle_area
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_POINTS = 20_000  # of a shape; the time to find crossings grows with up to the square of it
MIN_RADIUS = 1e-100  # pixels; its square is still above 0


class Drawn(msgspec.Struct, frozen=True):
    """A drawn shape: a compressed mask, None if nothing is left, and polygons with exactly its pixels.

    The mask is empty if no pixel centre is inside. `events` are (code, value), `edges` are those of the mask
    where they are known (see datasets.masks.edges).
    """

    rle: Rle | None
    polygons: Polygons | None
    events: list[tuple[str, str]]
    edges: "NDArray[np.int64] | None" = None


class Sheet(msgspec.Struct, frozen=True):
    """Shapes of the labelme file `path` with their indices; its image has height x width pixels."""

    path: Path | str
    shapes: Sequence[tuple[int, Shape]]
    height: int
    width: int


def draw_shapes(path: Path | str, shapes: Sequence[tuple[int, Shape]], height: int, width: int) -> list[Drawn]:
    """`draw_sheets` of the shapes of one file, without those that have no area."""
    return draw_sheets([Sheet(path, shapes, height, width)])[0]


def draw_sheets(
    sheets: Sequence[Sheet], line_width: float | None = None, *, as_polygons: bool = False
) -> list[list[Drawn]]:
    """The pixels of each shape of each sheet; many sheets at once take a fraction of the time.

    Points and lines are lost without `line_width` (pixels). With `as_polygons` there are polygons where they have
    the same pixels. Raises InputError for shapes that labelme does not write.
    """
    drawn: dict[tuple[int, int], Drawn] = {}
    corners: dict[tuple[int, int], Sequence[Point]] = {}
    for k, sheet in enumerate(sheets):
        for index, shape in sheet.shapes:
            check_shape(sheet.path, index, shape)
            if (points := shape_corners(shape)) is not None:
                corners[k, index] = points
            else:
                drawn[k, index] = _draw(sheet.path, index, shape, sheet.height, sheet.width, line_width)
    outlines: dict[tuple[int, int], dict[tuple[int, int], Outline]] = {}
    for (key, points), checked in zip(corners.items(), check_rings(list(corners.values())), strict=True):
        sheet = sheets[key[0]]
        size = (sheet.height, sheet.width)
        made = outline(sheet.path, key[1], points, checked, size, as_polygons=as_polygons)
        if not made.rings:
            drawn[key] = Drawn(None, None, made.events)
        elif made.polygons is not None:
            drawn[key] = Drawn(fill_polygons(made.polygons, *size), made.polygons, made.events)
        else:
            outlines.setdefault(size, {})[key] = made
    for size, members in outlines.items():
        filled = even_odd_edges([made.rings for made in members.values()], *size)
        for (key, made), edges, rle in zip(members.items(), filled, edges_to_rles(filled, *size), strict=True):
            drawn[key] = Drawn(rle, None, made.events, edges)
    return [[drawn[k, index] for index, _ in sheet.shapes] for k, sheet in enumerate(sheets)]


def _draw(path: Path | str, index: int, shape: Shape, height: int, width: int, line_width: float | None) -> Drawn:
    drawn = SHAPE_TYPES[shape.kind].drawn
    if drawn == "nothing":
        return _lost("shape-lost", shape.kind)
    if drawn == "circle":
        return _draw_circle(shape, height, width)
    if drawn == "mask":
        return draw_mask(*read_shape_mask(path, index, shape, height, width), height, width)
    return _draw_lines(shape, height, width, line_width)


def check_shape(path: Path | str, index: int, shape: Shape) -> None:
    """Raise InputError if shape `index` of the labelme file `path` is not one that labelme draws."""
    where = f"$.shapes[{index}]"
    shape_type = SHAPE_TYPES.get(shape.kind)
    if shape_type is None:
        known = ", ".join(sorted(SHAPE_TYPES))
        raise InputError(path, f"{where}.shape_type {shape.kind!r} is unknown", f"known: {known}")
    if shape_type.points and len(shape.points) not in shape_type.points:
        wanted = " or ".join(map(str, shape_type.points))
        problem = f"{where}.points has {len(shape.points)} points, but a {shape.kind} has {wanted}"
        raise InputError(path, problem, "redraw the shape")
    if len(shape.points) > MAX_POINTS:
        problem = f"{where}.points has {len(shape.points)} points, more than {MAX_POINTS}"
        raise InputError(path, problem, "redraw the shape")
    if shape_type.drawn == "mask" and not shape.mask:
        raise InputError(path, f"{where}.mask is missing", "redraw the shape")


def shape_corners(shape: Shape) -> Sequence[Point] | None:
    """The corners of a polygon or rectangle that `check_shape` passed, None for other shapes."""
    if SHAPE_TYPES[shape.kind].drawn != "polygon":
        return None
    if shape.kind == "rectangle" and len(shape.points) == 2:
        (x0, y0), (x1, y1) = shape.points
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return _uncrossed(shape.points) if shape.kind == "rectangle" else shape.points


def _uncrossed(points: Sequence[Point]) -> Sequence[Point]:
    """Four points in an order that does not cross itself, if they are the corners of an upright rectangle."""
    (x0, y0), (x1, y1) = min(points), max(points)
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    is_crossed = points[0][0] == points[2][0] or points[0][1] == points[2][1]
    return corners if is_crossed and set(points) == set(corners) else points


def _draw_circle(shape: Shape, height: int, width: int) -> Drawn:
    (cx, cy), (px, py) = shape.points
    radius = math.hypot(px - cx, py - cy)
    return draw_ellipse(cx, cy, radius, radius, 0, height, width)


def draw_ellipse(cx: float, cy: float, rx: float, ry: float, angle: float, height: int, width: int) -> Drawn:
    """An ellipse, as in `datasets.masks.ellipse_fill`, in an image of height x width pixels."""
    what = f"radius {rx:g}" if rx == ry else f"half axes {rx:g}, {ry:g}"
    if min(rx, ry) < MIN_RADIUS:
        return _lost("no-area", what)
    place = f"centre {cx:g}, {cy:g}, {what}"
    x0, y0, x1, y1 = ellipse_extents(cx, cy, rx, ry, angle)
    if max(0, math.floor(x0)) >= min(width, math.ceil(x1)) or max(0, math.floor(y0)) >= min(height, math.ceil(y1)):
        return _lost("outside", place)
    edges = ellipse_edges(cx, cy, rx, ry, angle, height, width)
    events = [("clipped", place)] if x0 < 0 or y0 < 0 or x1 > width or y1 > height else []
    return Drawn(edges_to_rle(edges, height, width), None, events, edges)


def draw_mask(x0: int, y0: int, pixels: "NDArray[np.bool_]", height: int, width: int) -> Drawn:
    """H x W bool pixels, the first of which is at (x0, y0), in an image of height x width pixels."""
    if not pixels.any():
        return _lost("no-area", "an empty mask")
    rows, columns = pixels.shape
    inside = cut_to_image(pixels, x0, y0, height, width)
    if inside.size == 0:
        return _lost("outside", f"{x0}, {y0}, {columns} x {rows}")
    events = [("clipped", f"{x0}, {y0}, {columns} x {rows}")] if inside.shape != pixels.shape else []
    edges = crop_edges(pixels, x0, y0, height, width)
    return Drawn(edges_to_rle(edges, height, width), None, events, edges)


def _draw_lines(shape: Shape, height: int, width: int, line_width: float | None) -> Drawn:
    """Each line segment as a capsule: a rectangle with round ends; a point as a disk."""
    import shapely

    if line_width is None:
        return _lost("line-lost", shape.kind)
    stretches = [
        shapely.LineString(stretch) if len(set(stretch)) > 1 else shapely.Point(stretch[0])
        for stretch in _stretches(shape)
    ]
    rings = [ring_points(stretch.buffer(line_width / 2).exterior) for stretch in stretches]
    rle = merge_rles(fill_even_odd([[ring] for ring in rings], height, width))
    image = shapely.box(0, 0, width, height)
    drawn = f"{shape.kind}, {line_width:g} px wide"
    if not rle_area(rle):
        outside = stretches and not any(image.intersects(stretch) for stretch in stretches)
        return _lost("outside", shape.kind) if outside else _lost("no-area", drawn)
    events = [("line-drawn", drawn)]
    if not all(image.covers(stretch) for stretch in stretches):
        events.append(("clipped", shape.kind))
    return Drawn(rle, None, events)


def _stretches(shape: Shape) -> Iterator[tuple[Point, ...]]:
    if shape.kind in {"line", "linestrip"} and len(shape.points) > 1:
        yield from pairwise(shape.points)
    else:
        yield from ((point,) for point in shape.points)


def _lost(code: str, value: str) -> Drawn:
    return Drawn(None, None, [(code, value)])
