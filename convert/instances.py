"""Convert labelme shapes to instances: one per shape, or one for all shapes of one label and group."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from convert.conversion import Instance
from convert.report import Event
from datasets.coco import Segmentation, SegmentationForm
from datasets.formats.labelme import Shape
from datasets.formats.labelme_flags import annotation_key
from datasets.formats.labelme_shapes import Drawn, Sheet, draw_sheets
from datasets.masks.component import Component
from datasets.masks.edges import edges_to_component, rle_to_component

Key = tuple[int, int | None, int]  # category id, group, index of the shape


class Drawing(msgspec.Struct, frozen=True):
    """The drawn instances of one file with their pixels, none of them empty, and the events of drawing."""

    instances: list[Instance]
    components: list[Component]
    events: list[Event]


class Labelled(msgspec.Struct, frozen=True):
    """The shapes of the labelme file `path`, named `name` in events; `size` is (height, width) of its image."""

    path: Path | str
    name: str
    shapes: Sequence[Shape]
    size: tuple[int, int]


def draw_instances(
    files: Sequence[Labelled], ids: Mapping[str, int], segmentation: SegmentationForm, line_width: float | None
) -> list[Drawing]:
    """Draw the instances of each labelme file.

    `ids` is label -> category id, 0 for background; other labels are ignored. `line_width` is in pixels. A shape
    drawn as a hole in another one is a separate annotation, because labelme files cannot mark holes. Raises
    InputError for a shape that cannot be drawn.
    """
    sheets = []
    for file in files:
        wanted = [(i, shape) for i, shape in enumerate(file.shapes) if ids.get(shape.label)]
        sheets.append(Sheet(file.path, wanted, *file.size))
    drawn = draw_sheets(sheets, line_width, as_polygons=segmentation != "rle")
    grouped = [
        _group(file, sheet.shapes, shapes, ids) for file, sheet, shapes in zip(files, sheets, drawn, strict=True)
    ]
    unions = [
        [join_drawn(members, file.size, segmentation) for members in groups.values()]
        for file, (groups, _, _) in zip(files, grouped, strict=True)
    ]
    drawings = []
    for (groups, difficult, events), united in zip(grouped, unions, strict=True):
        instances = [
            Instance(key[0], component.box, component.area, segmentation_of, int(key in difficult))
            for key, (component, segmentation_of) in zip(groups, united, strict=True)
        ]
        drawings.append(Drawing(instances, [component for component, _ in united], events))
    return drawings


def _group(
    file: Labelled, wanted: Sequence[tuple[int, Shape]], drawn_shapes: Sequence[Drawn], ids: Mapping[str, int]
) -> tuple[dict[Key, list[Drawn]], set[Key], list[Event]]:
    """The shapes of each instance, the keys of difficult instances, and events."""
    name = file.name
    groups: dict[Key, list[Drawn]] = {}
    not_difficult: set[Key] = set()
    events: list[Event] = []
    if len(wanted) < len(file.shapes):
        for i, shape in enumerate(file.shapes):
            if not ids.get(shape.label):
                code = "background-label" if shape.label in ids else "ignored-label"
                events.append(Event(name, f"$.shapes[{i}]", code, shape.kind))
    for (i, shape), drawn in zip(wanted, drawn_shapes, strict=True):
        events += [Event(name, f"$.shapes[{i}]", code, value) for code, value in drawn.events]
        if drawn.rle is not None and is_empty(drawn):
            events.append(Event(name, f"$.shapes[{i}]", "no-area", f"no pixel centre inside the {shape.kind}"))
        elif drawn.rle is not None:
            key = annotation_key(ids[shape.label], shape.group_id, i)
            groups.setdefault(key, []).append(drawn)
            if shape.difficult:
                events.append(Event(name, f"$.shapes[{i}]", "difficult", shape.label))
            else:
                not_difficult.add(key)
    return groups, groups.keys() - not_difficult, events


def is_empty(drawn: Drawn) -> bool:
    """Whether a shape has no pixel."""
    from datasets.masks.rle import rle_area

    if drawn.edges is not None:
        return not len(drawn.edges)
    return drawn.rle is None or not rle_area(drawn.rle)


def join_drawn(
    members: Sequence[Drawn], size: tuple[int, int], kind: SegmentationForm
) -> tuple[Component, Segmentation]:
    """The pixels of an instance and its segmentation: polygons as drawn if they have the same pixels, else RLE.

    `size` is (height, width) of the image in pixels.
    """
    from datasets.masks.pixel_outline import component_to_segmentation
    from datasets.masks.rle import merge_rles

    packed = merge_rles([member.rle for member in members if member.rle is not None])
    edges = members[0].edges if len(members) == 1 else None
    component = rle_to_component(packed) if edges is None else edges_to_component(edges, size[0])
    if kind == "rle":
        return component, packed
    polygons = [ring for member in members for ring in member.polygons or []]
    if any(member.polygons is None for member in members):
        return component, component_to_segmentation(component, *size, kind)
    if kind == "auto" and len(msgspec.json.encode(polygons)) > len(msgspec.json.encode(packed)):
        return component, packed
    return component, polygons
