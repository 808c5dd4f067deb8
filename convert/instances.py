"""The shapes of one labelme file to instances: one for each shape, or for all shapes of a label and a group."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from convert.assemble import Instance
from convert.labels import BACKGROUND
from convert.report import Event
from convert.shapes import Drawn, Sheet, draw_sheets
from datasets.coco import Rle, Segmentation
from datasets.edges import measure_edges, rle_to_edges
from datasets.labelme import Shape

SegmentationKind = Literal["rle", "polygon", "auto"]


class Drawing(msgspec.Struct, frozen=True):
    """The drawn instances of one file, item by item, and what happened to the shapes.

    `rles` are pycocotools masks, none of them empty, `edges` say the same again (see datasets.edges).
    """

    category_ids: list[int]
    rles: list[Any]
    edges: list[Any]
    segmentations: list[Segmentation]
    events: list[Event]


class Labelled(msgspec.Struct, frozen=True):
    """The shapes of the labelme file `path`, called `name` in events; its picture has `size` (height, width)."""

    path: Path | str
    name: str
    shapes: Sequence[Shape]
    size: tuple[int, int]


def draw_instances(
    files: Sequence[Labelled], ids: Mapping[str, int], segmentation: SegmentationKind, line_width: float | None
) -> list[Drawing]:
    """Instances of each labelme file.

    `ids` is label -> category id; a label that is not in it becomes no annotation. Shapes drawn as a hole in
    another are annotations of their own: no file says that they are holes. Raises InputError.
    """
    sheets = []
    for file in files:
        wanted = [(i, shape) for i, shape in enumerate(file.shapes) if shape.label in ids]
        sheets.append(Sheet(file.path, wanted, *file.size))
    drawn = draw_sheets(sheets, line_width, as_polygons=segmentation != "rle")
    return [
        _group(file, sheet.shapes, shapes, ids, segmentation)
        for file, sheet, shapes in zip(files, sheets, drawn, strict=True)
    ]


def _group(
    file: Labelled,
    wanted: Sequence[tuple[int, Shape]],
    drawn_shapes: Sequence[Drawn],
    ids: Mapping[str, int],
    segmentation: SegmentationKind,
) -> Drawing:
    name, size = file.name, file.size
    groups: dict[tuple[int, int | None, int], list[Drawn]] = {}
    events: list[Event] = []
    for i, shape in enumerate(file.shapes):
        if shape.label not in ids:
            code = "background-label" if shape.label == BACKGROUND else "ignored-label"
            events.append(Event(name, f"$.shapes[{i}]", code, shape.kind))
    for (i, shape), drawn in zip(wanted, drawn_shapes, strict=True):
        where = f"$.shapes[{i}]"
        events += [Event(name, where, code, value) for code, value in drawn.events]
        if drawn.rle is not None and _is_empty(drawn):
            events.append(Event(name, where, "no-area", f"no pixel centre inside the {shape.kind}"))
        elif drawn.rle is not None:
            key = (ids[shape.label], shape.group_id, i if shape.group_id is None else 0)
            groups.setdefault(key, []).append(drawn)
    unions = [_union(members, size, segmentation) for members in groups.values()]
    return Drawing(
        [category for category, _, _ in groups],
        [rle for rle, _, _ in unions],
        [edges for _, edges, _ in unions],
        [segmentation_of for _, _, segmentation_of in unions],
        events,
    )


def measure_instances(drawing: Drawing, height: int) -> list[Instance]:
    """The instances with their boxes and areas in pixels, from their masks."""
    return make_instances(drawing, measure_edges(drawing.edges, height))


def make_instances(drawing: Drawing, measured: Iterable[tuple[tuple[int, int, int, int], int]]) -> list[Instance]:
    """The instances, with the box and the area of each in pixels."""
    return [
        Instance(category, box, area, segmentation)
        for category, (box, area), segmentation in zip(
            drawing.category_ids, measured, drawing.segmentations, strict=True
        )
    ]


def _is_empty(drawn: Drawn) -> bool:
    from pycocotools import mask as coco_mask

    return not (coco_mask.area(drawn.rle) if drawn.edges is None else len(drawn.edges))


def _union(
    members: Sequence[Drawn], size: tuple[int, int], how: SegmentationKind
) -> tuple[Any, Any, Segmentation]:
    """One pycocotools mask, its edges, how it is written: as drawn where polygons say the same, as runs else."""
    from pycocotools import mask as coco_mask

    rle = members[0].rle if len(members) == 1 else coco_mask.merge([member.rle for member in members])
    edges = members[0].edges if len(members) == 1 else None
    if edges is None:
        edges = rle_to_edges(rle)
    packed = Rle(size, rle["counts"].decode("ascii"))
    if how == "rle":
        return rle, edges, packed
    polygons = [ring for member in members for ring in member.polygons or []]
    if any(member.polygons is None for member in members):
        return rle, edges, _traced(rle, size, how)
    if how == "auto" and len(msgspec.json.encode(polygons)) > len(msgspec.json.encode(packed)):
        return rle, edges, packed
    return rle, edges, polygons


def _traced(rle: Any, size: tuple[int, int], how: SegmentationKind) -> Segmentation:
    from datasets.polygons import component_to_segmentation
    from datasets.rle_crop import rle_to_component

    return component_to_segmentation(rle_to_component(rle), *size, how)
