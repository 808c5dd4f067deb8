"""The shapes of one image of a labelling tool to instances: boxes without a mask, everything else with one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from convert.conversion import Instance
from convert.instances import is_empty, join_drawn
from convert.report import Event
from convert.tool_options import ToolOptions
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
from datasets.masks.edge_components import mask_components
from datasets.masks.edges import Measured, edges_to_rle, measure_edges
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DECIMALS = 3  # of a pixel, in boxes
SLACK = 10**-DECIMALS  # pixels outside the image that are rounding
Key = tuple[int, int, int, bool]  # category, group, number of the shape or of its part, ignore region


class ToolDrawing(msgspec.Struct, frozen=True):
    """The instances of one image, and what happened to its shapes.

    `painted` are the category and the edges (see datasets.masks.edges) of those that the pixel mask shows,
    `measured` their boxes and areas.
    """

    instances: list[Instance]
    painted: "list[tuple[int, NDArray[np.int64]]]"
    measured: list[Measured]
    events: list[Event]


def needs_masks(images: Sequence[ToolImage], line_width: float | None) -> bool:
    """Whether any shape has pixels of its own, so that the dataset gets masks."""
    flat = (BoxShape,) if line_width is not None else (BoxShape, LineShape)
    return any(not isinstance(shape.geometry, flat) for image in images for shape in image.shapes)


def draw_tool_shapes(
    path: Path | str,
    image: ToolImage,
    size: tuple[int, int],
    ids: Mapping[str, int],
    options: ToolOptions,
    *,
    with_masks: bool,
) -> ToolDrawing:
    """Instances of an image of `size` (height, width), read from the annotation file `path`.

    `ids` is label -> category id, 0 for background; a label that is not in it is ignored. With `with_masks` boxes
    are drawn too, unless options say otherwise. Raises InputError.
    """
    events: list[Event] = []
    boxes: list[tuple[int, Instance]] = []
    drawn: list[tuple[int, ToolShape, list[Drawn]]] = []
    sheet: list[tuple[int, Shape]] = []
    wanted = [(i, shape) for i, shape in enumerate(image.shapes) if ids.get(shape.label)]
    events += _ignored(image, ids)
    for i, shape in wanted:
        geometry = shape.geometry
        if isinstance(geometry, BoxShape) and not (with_masks and options.mixed == "fill"):
            instance, happened = _box(geometry, ids[shape.label], size, ignore=shape.ignore)
            boxes += [(i, instance)] if instance is not None else []
            happened += [("no-mask", "a box")] if with_masks and instance is not None else []
            events += [Event(image.file, shape.where, code, value) for code, value in happened]
        elif isinstance(geometry, MaskShape):
            drawn.append((i, shape, _mask(path, shape, geometry, size, options.connectivity)))
        elif isinstance(geometry, EllipseShape):
            ellipse = (geometry.cx, geometry.cy, geometry.rx, geometry.ry, geometry.angle)
            drawn.append((i, shape, [draw_ellipse(*ellipse, *size)]))
        elif isinstance(geometry, LineShape) and not geometry.points:
            events.append(Event(image.file, shape.where, "no-area", "no point"))
        else:
            sheet.append((i, _as_labelme(shape)))
    for (i, _), one in zip(sheet, _draw_sheet(path, image, sheet, size, options), strict=True):
        shape = image.shapes[i]
        if isinstance(shape.geometry, BoxShape):
            one = msgspec.structs.replace(one, events=[*one.events, ("box-as-mask", "a box")])  # noqa: PLW2901
        drawn.append((i, shape, [one]))
    groups = _group(image, sorted(drawn, key=lambda item: item[0]), ids, events)
    return _joined(boxes, groups, size, options, events)


def _ignored(image: ToolImage, ids: Mapping[str, int]) -> list[Event]:
    return [
        Event(image.file, shape.where, "background-label" if shape.label in ids else "ignored-label", shape.label)
        for shape in image.shapes
        if not ids.get(shape.label)
    ]


def _box(
    box: BoxShape, category_id: int, size: tuple[int, int], *, ignore: bool
) -> tuple[Instance | None, list[tuple[str, str]]]:
    height, width = size
    place = f"{box.x0:g}, {box.y0:g} to {box.x1:g}, {box.y1:g}"
    if box.x0 >= box.x1 or box.y0 >= box.y1:
        return None, [("no-area", place)]
    x0, x1 = (min(max(x, 0), width) for x in (box.x0, box.x1))
    y0, y1 = (min(max(y, 0), height) for y in (box.y0, box.y1))
    if x0 >= x1 or y0 >= y1:
        return None, [("outside", place)]
    x, y, w, h = (_short(value) for value in (x0, y0, x1 - x0, y1 - y0))
    if w == 0 or h == 0:
        return None, [("no-area", place)]
    outside = max(-box.x0, -box.y0, box.x1 - width, box.y1 - height)
    clipped: Box = (x, y, w, h)
    instance = Instance(category_id, clipped, _short(w * h), [], int(ignore))
    return instance, [("clipped", place)] if outside > SLACK else []


def _short(value: float) -> int | float:
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def _as_labelme(shape: ToolShape) -> Shape:
    """The shape in labelme's terms, for which drawing exists."""
    geometry = shape.geometry
    if isinstance(geometry, BoxShape):
        return Shape(shape.label, [(geometry.x0, geometry.y0), (geometry.x1, geometry.y1)], shape_type="rectangle")
    if isinstance(geometry, LineShape):
        kind = "linestrip" if geometry.joined else "points"
        return Shape(shape.label, geometry.points, shape_type=kind)
    assert isinstance(geometry, PolygonShape)
    return Shape(shape.label, geometry.points, shape_type="polygon")


def _draw_sheet(
    path: Path | str,
    image: ToolImage,
    shapes: list[tuple[int, Shape]],
    size: tuple[int, int],
    options: ToolOptions,
) -> list[Drawn]:
    try:
        as_polygons = options.segmentation != "rle"
        return draw_sheets([Sheet(path, shapes, *size)], options.line_width, as_polygons=as_polygons)[0]
    except InputError as error:
        problem = error.problem
        for i, _ in shapes:
            problem = problem.replace(f"$.shapes[{i}].points", image.shapes[i].where)
        raise InputError(path, problem, error.remedy) from None


def _mask(
    path: Path | str, shape: ToolShape, mask: MaskShape, size: tuple[int, int], connectivity: int
) -> list[Drawn]:
    height, width = size
    x, y, pixels = read_mask_shape(path, shape.where, mask, (width, height))
    if mask.encoding != "columns":
        return [draw_mask(x, y, pixels, height, width)]
    parts = mask_components(pixels, connectivity)  # all defects of a type
    return [Drawn(edges_to_rle(edges, height, width), None, [], edges) for edges in parts]


def _group(
    image: ToolImage,
    drawn: list[tuple[int, ToolShape, list[Drawn]]],
    ids: Mapping[str, int],
    events: list[Event],
) -> dict[Key, tuple[int, list[Drawn]]]:
    """What becomes one instance, with the number of its first shape."""
    groups: dict[Key, tuple[int, list[Drawn]]] = {}
    for i, shape, parts in drawn:
        for number, one in enumerate(parts):
            events += [Event(image.file, shape.where, code, value) for code, value in one.events]
            if one.rle is None:
                continue
            if is_empty(one):
                events.append(Event(image.file, shape.where, "no-area", "no pixel centre inside"))
                continue
            own = (-1 - i, number) if shape.group is None else (shape.group, 0)
            groups.setdefault((ids[shape.label], *own, shape.ignore), (i, []))[1].append(one)
    return groups


def _joined(
    boxes: list[tuple[int, Instance]],
    groups: dict[Key, tuple[int, list[Drawn]]],
    size: tuple[int, int],
    options: ToolOptions,
    events: list[Event],
) -> ToolDrawing:
    joined = [join_drawn(members, size, options.segmentation) for _, members in groups.values()]
    measured = measure_edges([edges for edges, _ in joined], [size[0]] * len(joined))
    numbered = list(boxes)
    painted, shown = [], []
    for (key, (i, _)), (edges, segmentation), (box, area) in zip(groups.items(), joined, measured, strict=True):
        numbered.append((i, Instance(key[0], box, area, segmentation, int(key[3]))))
        if not key[3]:
            painted.append((key[0], edges))
            shown.append((box, area))
    instances = [instance for _, instance in sorted(numbered, key=lambda pair: pair[0])]
    return ToolDrawing(instances, painted, shown, events)
