"""What is drawn in a labelme file as things: a shape is one, and so are all shapes of a label and a group."""

from pathlib import Path
from typing import Any

import msgspec

from convert.shapes import draw_shape
from datasets.labelme import LabelmeFile, Shape


class Instance(msgspec.Struct, frozen=True):
    """One thing drawn: positions of its shapes in the file; its pycocotools mask, None where it has no area."""

    label: str
    indices: list[int]
    rle: Any


def instances_of(path: Path, file: LabelmeFile, size: tuple[int, int]) -> list[Instance]:
    """The instances of a labelme file whose picture has `size` (height, width), in order. Raises InputError."""
    groups: dict[tuple[str, int | None, int], list[int]] = {}
    for i, shape in enumerate(file.shapes):
        key = (shape.label, shape.group_id, i if shape.group_id is None else 0)
        groups.setdefault(key, []).append(i)
    return [
        Instance(label, members, draw_shapes(path, {i: file.shapes[i] for i in members}, size))
        for (label, _, _), members in groups.items()
    ]


def draw_shapes(path: Path, shapes: dict[int, Shape], size: tuple[int, int]) -> Any:
    """The pycocotools mask of the union of shapes (position in the file -> shape), None where none has an area."""
    from pycocotools import mask as coco_mask

    drawn = (draw_shape(path, i, shape, *size).rle for i, shape in shapes.items())
    rles = [rle for rle in drawn if rle is not None]
    return coco_mask.merge(rles) if rles else None
