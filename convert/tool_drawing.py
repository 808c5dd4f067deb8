"""Convert the shapes of one image of a labelling tool to instances; boxes have no masks, other shapes do."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from convert.conversion import Instance
from convert.instances import is_empty, join_drawn
from convert.report import Event
from convert.tool_options import ToolOptions
from datasets.formats.labelme_shapes import Drawn
from datasets.formats.tool_export import BoxShape, LineShape, ToolImage
from datasets.formats.tool_shapes import DrawingRule, DrawnShape, draw_tool_image, shorten
from datasets.masks.component import Component

Key = tuple[int, int, int, bool]  # category, group, number of the shape or of its part, ignore region


class ToolDrawing(msgspec.Struct, frozen=True):
    """The instances of one image, and the events of drawing them.

    `painted` has (category id, pixels) of the instances in the pixel mask.
    """

    instances: list[Instance]
    painted: list[tuple[int, Component]]
    events: list[Event]


def needs_masks(images: Sequence[ToolImage], line_width: float | None) -> bool:
    """Whether any shape is not a box or an undrawn line, so that the dataset gets masks."""
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
    """Draw the instances of an image of `size` (height, width) in pixels, read from the annotation file `path`.

    `ids` is label -> category id, 0 for background; other labels are ignored. With `with_masks` boxes get masks,
    too, unless `options.mixed` is keep. Raises InputError for a shape that cannot be drawn.
    """
    rule = DrawingRule(
        fill_boxes=with_masks and options.mixed == "fill",
        line_width=options.line_width,
        connectivity=options.connectivity,
        as_polygons=options.segmentation != "rle",
    )
    wanted = [i for i, shape in enumerate(image.shapes) if ids.get(shape.label)]
    drawn = draw_tool_image(path, image, wanted, size, rule)
    events = _ignored(image, ids)
    boxes: list[tuple[int, Instance]] = []
    for one in drawn:
        shape = image.shapes[one.index]
        codes = list(one.events)
        if isinstance(shape.geometry, BoxShape) and rule.fill_boxes:
            codes.append(("box-as-mask", "a box"))
        if one.box is not None:
            area = shorten(one.box[2] * one.box[3])
            boxes.append((one.index, Instance(ids[shape.label], one.box, area, [], int(shape.ignore))))
            codes += [("no-mask", "a box")] if with_masks else []
        events += [Event(image.file, shape.where, code, value) for code, value in codes]
    groups = _group(image, drawn, ids, events)
    return _joined(boxes, groups, size, options, events)


def _ignored(image: ToolImage, ids: Mapping[str, int]) -> list[Event]:
    dropped = [shape for shape in image.shapes if not ids.get(shape.label)]
    codes = ["background-label" if shape.label in ids else "ignored-label" for shape in dropped]
    return [Event(image.file, s.where, code, s.label) for s, code in zip(dropped, codes, strict=True)]


def _group(
    image: ToolImage, drawn: Sequence[DrawnShape], ids: Mapping[str, int], events: list[Event]
) -> dict[Key, tuple[int, list[Drawn]]]:
    """The parts of each instance, with the index of its first shape."""
    groups: dict[Key, tuple[int, list[Drawn]]] = {}
    for one in drawn:
        shape = image.shapes[one.index]
        for number, part in enumerate(one.parts):
            if part.rle is None:
                continue
            if is_empty(part):
                events.append(Event(image.file, shape.where, "no-area", "no pixel centre inside"))
                continue
            own = (-1 - one.index, number) if shape.group is None else (shape.group, 0)
            groups.setdefault((ids[shape.label], *own, shape.ignore), (one.index, []))[1].append(part)
    return groups


def _joined(
    boxes: list[tuple[int, Instance]],
    groups: dict[Key, tuple[int, list[Drawn]]],
    size: tuple[int, int],
    options: ToolOptions,
    events: list[Event],
) -> ToolDrawing:
    joined = [join_drawn(members, size, options.segmentation) for _, members in groups.values()]
    numbered = list(boxes)
    painted = []
    for (key, (i, _)), (pixels, segmentation) in zip(groups.items(), joined, strict=True):
        numbered.append((i, Instance(key[0], pixels.box, pixels.area, segmentation, int(key[3]))))
        if not key[3]:
            painted.append((key[0], pixels))
    instances = [instance for _, instance in sorted(numbered, key=lambda pair: pair[0])]
    return ToolDrawing(instances, painted, events)
