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

from convert.outlines import Outline, check_rings, outline, ring_points
from convert.shape_mask import read_shape_mask
from datasets.coco import Polygons
from datasets.edges import edges_to_rle
from datasets.errors import InputError
from datasets.labelme import Point, Shape
from datasets.scanline import even_odd_edges, fill_even_odd

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS_OF = {"rectangle": 2, "oriented_rectangle": 4, "circle": 2, "mask": 2, "line": 2, "point": 1}
WITHOUT_AREA = frozenset({"point", "points", "line", "linestrip"})
POLYGONS = frozenset({"polygon", "rectangle", "oriented_rectangle"})
KNOWN = WITHOUT_AREA | POLYGONS | {"circle", "mask"}
MOST_POINTS = 20_000  # to look for crossings in takes up to the square of it


class Drawn(msgspec.Struct, frozen=True):
    """What a shape became: a pycocotools mask, None where nothing is left, and polygons that say just the same.

    The mask may be without a pixel, where no pixel centre lies inside. `events` are (code, value), `edges` say the
    mask again where they are at hand (see datasets.edges).
    """

    rle: Any
    polygons: Polygons | None
    events: list[tuple[str, str]]
    edges: Any = None


def draw_shapes(
    path: Path | str,
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
    corners: dict[int, Sequence[Point]] = {}
    for index, shape in shapes:
        _check(path, index, shape)
        if shape.kind in POLYGONS:
            corners[index] = _corners(shape)
        else:
            drawn[index] = _draw(path, index, shape, height, width, line_width)
    outlines: dict[int, Outline] = {}
    for (index, points), checked in zip(corners.items(), check_rings(list(corners.values())), strict=True):
        made = outline(path, index, points, checked, (height, width), as_polygons=as_polygons)
        if not made.rings:
            drawn[index] = Drawn(None, None, made.events)
        elif made.polygons is not None:
            drawn[index] = Drawn(fill(made.polygons, height, width), made.polygons, made.events)
        else:
            outlines[index] = made
    filled = even_odd_edges([made.rings for made in outlines.values()], height, width)
    for (index, made), edges in zip(outlines.items(), filled, strict=True):
        drawn[index] = Drawn(edges_to_rle(edges, height, width), None, made.events, edges)
    return [drawn[index] for index, _ in shapes]


def fill(rings: Sequence[Sequence[float]], height: int, width: int) -> Any:
    """The pycocotools mask of the union of rings [x1, y1, x2, y2, ...] that lie inside the picture."""
    from pycocotools import mask as coco_mask

    rles = coco_mask.frPyObjects(rings, height, width)
    return coco_mask.merge(rles) if len(rles) > 1 else rles[0]


def _draw(path: Path | str, index: int, shape: Shape, height: int, width: int, line_width: float | None) -> Drawn:
    if shape.kind == "circle":
        return _draw_circle(shape, height, width)
    if shape.kind == "mask":
        return _draw_mask(*read_shape_mask(path, index, shape, height, width), height, width)
    return _draw_lines(shape, height, width, line_width)


def _check(path: Path | str, index: int, shape: Shape) -> None:
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
        rings.append(ring_points(core.buffer(line_width / 2).exterior))
    rle = coco_mask.merge(fill_even_odd([[ring] for ring in rings], height, width))
    if not coco_mask.area(rle):
        return _lost("outside", shape.kind)
    return Drawn(rle, None, [("line-drawn", f"{shape.kind}, {line_width:g} px wide")])


def _stretches(shape: Shape) -> Iterator[tuple[Point, ...]]:
    if shape.kind in {"line", "linestrip"} and len(shape.points) > 1:
        yield from pairwise(shape.points)
    else:
        yield from ((point,) for point in shape.points)


def _place(pixels: "NDArray[np.bool_]", x: int, y: int, height: int, width: int) -> Any:
    import numpy as np
    from pycocotools import mask as coco_mask

    full = np.zeros((height, width), np.uint8, order="F")
    full[y : y + pixels.shape[0], x : x + pixels.shape[1]] = pixels
    return coco_mask.encode(full)


def _lost(code: str, value: str) -> Drawn:
    return Drawn(None, None, [(code, value)])
