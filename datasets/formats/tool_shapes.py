"""Draw the shapes of one image of a labelling tool: boxes stay boxes, other shapes become pixels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from datasets.coco import Box
from datasets.formats.labelme import Shape
from datasets.formats.labelme_shapes import Drawn, Sheet, draw_ellipse, draw_mask, draw_sheets
from datasets.formats.mask_pixels import read_mask_shape
from datasets.formats.tool_export import (
    BoxShape,
    EllipseShape,
    LineShape,
    MaskShape,
    PolygonShape,
    ToolImage,
    ToolShape,
)
from datasets.masks.edges import components_to_rles
from datasets.masks.find_components import components
from system.errors import InputError

DECIMALS = 3  # of a pixel, in boxes
SLACK = 10**-DECIMALS  # pixels; coordinates this far outside the image are rounding errors


class DrawingRule(msgspec.Struct, frozen=True, kw_only=True):
    """`fill_boxes` gives boxes a mask, `line_width` in pixels draws points and lines, which are lost otherwise.

    `connectivity` is that of the components of a mask that covers all defects of a type. With `as_polygons` there
    are polygons where they are the same as the mask.
    """

    fill_boxes: bool = False
    line_width: float | None = None
    connectivity: Literal[4, 8] = 8
    as_polygons: bool = False


class DrawnShape(msgspec.Struct, frozen=True):
    """Shape `index` of an image: a box, or parts of pixels, most often one; `events` are (code, value)."""

    index: int
    box: Box | None
    parts: list[Drawn]
    events: list[tuple[str, str]]


def draw_tool_image(
    path: Path | str, image: ToolImage, indices: Sequence[int], size: tuple[int, int], rule: DrawingRule
) -> list[DrawnShape]:
    """The shapes `indices` of an image of `size` (height, width), read from the annotation file `path`.

    Raises InputError for masks and outlines that cannot be drawn.
    """
    drawn: list[DrawnShape] = []
    sheet: list[tuple[int, Shape]] = []
    for i in indices:
        shape = image.shapes[i]
        geometry = shape.geometry
        if isinstance(geometry, BoxShape) and not rule.fill_boxes:
            box, events = _clip_box(geometry, size)
            drawn.append(DrawnShape(i, box, [], events))
        elif isinstance(geometry, MaskShape):
            drawn.append(_with_events(i, _draw_packed(path, shape, geometry, size, rule.connectivity)))
        elif isinstance(geometry, EllipseShape):
            ellipse = (geometry.cx, geometry.cy, geometry.rx, geometry.ry, geometry.angle)
            drawn.append(_with_events(i, [draw_ellipse(*ellipse, *size)]))
        elif isinstance(geometry, LineShape) and not geometry.points:
            drawn.append(DrawnShape(i, None, [], [("no-area", "no point")]))
        else:
            sheet.append((i, _as_labelme(shape)))
    for (i, _), one in zip(sheet, _draw_sheet(path, image, sheet, size, rule), strict=True):
        drawn.append(_with_events(i, [one]))
    return sorted(drawn, key=lambda shape: shape.index)


def _with_events(index: int, parts: list[Drawn]) -> DrawnShape:
    return DrawnShape(index, None, parts, [event for part in parts for event in part.events])


def _clip_box(box: BoxShape, size: tuple[int, int]) -> tuple[Box | None, list[tuple[str, str]]]:
    height, width = size
    place = f"{box.x0:g}, {box.y0:g} to {box.x1:g}, {box.y1:g}"
    if box.x0 >= box.x1 or box.y0 >= box.y1:
        return None, [("no-area", place)]
    x0, x1 = (min(max(x, 0), width) for x in (box.x0, box.x1))
    y0, y1 = (min(max(y, 0), height) for y in (box.y0, box.y1))
    if x0 >= x1 or y0 >= y1:
        return None, [("outside", place)]
    x, y, w, h = (shorten(value) for value in (x0, y0, x1 - x0, y1 - y0))
    if w == 0 or h == 0:
        return None, [("no-area", place)]
    outside = max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)
    return (x, y, w, h), [("clipped", place)] if outside > SLACK else []


def shorten(value: float) -> int | float:
    """The value rounded to the decimals that boxes have, whole numbers as such.

    >>> shorten(8.00016), shorten(20.5)
    (8, 20.5)
    """
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def _as_labelme(shape: ToolShape) -> Shape:
    """The labelme shape with the same pixels, which can be drawn."""
    geometry = shape.geometry
    if isinstance(geometry, BoxShape):
        return Shape(shape.label, [(geometry.x0, geometry.y0), (geometry.x1, geometry.y1)], shape_type="rectangle")
    if isinstance(geometry, LineShape):
        kind = "linestrip" if geometry.joined else "points"
        return Shape(shape.label, geometry.points, shape_type=kind)
    assert isinstance(geometry, PolygonShape)
    return Shape(shape.label, geometry.points, shape_type="polygon")


def _draw_sheet(
    path: Path | str, image: ToolImage, shapes: list[tuple[int, Shape]], size: tuple[int, int], rule: DrawingRule
) -> list[Drawn]:
    try:
        return draw_sheets([Sheet(path, shapes, *size)], rule.line_width, as_polygons=rule.as_polygons)[0]
    except InputError as error:
        problem = error.problem
        for i, _ in shapes:
            problem = problem.replace(f"$.shapes[{i}].points", image.shapes[i].where)
        raise InputError(path, problem, error.remedy) from None


def _draw_packed(
    path: Path | str, shape: ToolShape, mask: MaskShape, size: tuple[int, int], connectivity: int
) -> list[Drawn]:
    height, width = size
    x, y, pixels = read_mask_shape(path, shape.where, mask, (width, height))
    if mask.encoding != "columns":
        return [draw_mask(x, y, pixels, height, width)]
    parts = components(pixels, connectivity=connectivity)  # all defects of a type
    return [Drawn(rle, None, []) for rle in components_to_rles(parts, height, width)]
