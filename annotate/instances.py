"""What is drawn in a labelme file as things: a shape is one, and so are all shapes of a label and a group."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.coco import Rle
from datasets.formats.labelme import LabelmeFile, Shape
from datasets.formats.labelme_flags import annotation_key
from datasets.formats.labelme_shapes import Drawn, draw_shapes


class Instance(msgspec.Struct, frozen=True):
    """One thing drawn: positions of its shapes in the file; its mask, None where it has no pixel."""

    label: str
    indices: list[int]
    rle: Rle | None


def instances_of(path: Path, file: LabelmeFile, size: tuple[int, int]) -> list[Instance]:
    """The instances of a labelme file whose picture has `size` (height, width), in order. Raises InputError."""
    drawn = draw_shapes(path, list(enumerate(file.shapes)), *size)
    groups: dict[tuple[str, int | None, int], list[int]] = {}
    for i, shape in enumerate(file.shapes):
        groups.setdefault(annotation_key(shape.label, shape.group_id, i), []).append(i)
    return [
        Instance(label, members, _union([drawn[i] for i in members])) for (label, _, _), members in groups.items()
    ]


def draw_together(path: Path, shapes: Sequence[Shape], size: tuple[int, int]) -> Rle | None:
    """The mask of the union of shapes, None where they have no pixel. Raises InputError."""
    return _union(draw_shapes(path, list(enumerate(shapes)), *size))


def _union(drawn: Sequence[Drawn]) -> Rle | None:
    from datasets.masks.rle import merge_rles, rle_area

    rles = [shape.rle for shape in drawn if shape.rle is not None]
    whole = merge_rles(rles) if rles else None
    return whole if whole is not None and rle_area(whole) else None
