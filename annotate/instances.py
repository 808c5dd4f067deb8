"""What is drawn in a labelme file as things: a shape is one, and so are all shapes of a label and a group."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from convert.shapes import Drawn, draw_shapes
from datasets.formats.labelme import LabelmeFile, Shape


class Instance(msgspec.Struct, frozen=True):
    """One thing drawn: positions of its shapes in the file; its pycocotools mask, None where it has no pixel."""

    label: str
    indices: list[int]
    rle: Any


def instances_of(path: Path, file: LabelmeFile, size: tuple[int, int]) -> list[Instance]:
    """The instances of a labelme file whose picture has `size` (height, width), in order. Raises InputError."""
    drawn = draw_shapes(path, list(enumerate(file.shapes)), *size)
    groups: dict[tuple[str, int | None, int], list[int]] = {}
    for i, shape in enumerate(file.shapes):
        key = (shape.label, shape.group_id, i if shape.group_id is None else 0)
        groups.setdefault(key, []).append(i)
    return [
        Instance(label, members, _union([drawn[i] for i in members])) for (label, _, _), members in groups.items()
    ]


def draw_together(path: Path, shapes: Sequence[Shape], size: tuple[int, int]) -> Any:
    """The pycocotools mask of the union of shapes, None where they have no pixel. Raises InputError."""
    return _union(draw_shapes(path, list(enumerate(shapes)), *size))


def _union(drawn: Sequence[Drawn]) -> Any:
    from pycocotools import mask as coco_mask

    rles = [shape.rle for shape in drawn if shape.rle is not None]
    whole = coco_mask.merge(rles) if rles else None
    return whole if whole is not None and coco_mask.area(whole) else None
