"""The defects in a labelme file: shapes with the same label and group id are parts of one defect."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.coco import Rle
from datasets.formats.labelme import LabelmeFile, Shape
from datasets.formats.labelme_flags import annotation_key
from datasets.formats.labelme_shapes import Drawn, draw_shapes


class ShapeGroup(msgspec.Struct, frozen=True):
    """The shapes of one defect: their positions in the file and their union as a mask, None without a pixel."""

    label: str
    indices: list[int]
    rle: Rle | None


def shape_groups(path: Path, file: LabelmeFile, size: tuple[int, int]) -> list[ShapeGroup]:
    """The shapes of a labelme file by label and group id, in order; a shape without group id is alone.

    `size` is (height, width) of the image in pixels. Raises InputError for a shape that cannot be drawn.
    """
    drawn = draw_shapes(path, list(enumerate(file.shapes)), *size)
    groups: dict[tuple[str, int | None, int], list[int]] = {}
    for i, shape in enumerate(file.shapes):
        groups.setdefault(annotation_key(shape.label, shape.group_id, i), []).append(i)
    return [ShapeGroup(key[0], members, _union([drawn[i] for i in members])) for key, members in groups.items()]


def draw_together(path: Path, shapes: Sequence[Shape], size: tuple[int, int]) -> Rle | None:
    """The union of shapes as a mask of `size` (height, width), None if it has no pixel.

    Raises InputError for a shape that cannot be drawn.
    """
    return _union(draw_shapes(path, list(enumerate(shapes)), *size))


def _union(drawn: Sequence[Drawn]) -> Rle | None:
    from datasets.masks.rle import merge_rles, rle_area

    rles = [shape.rle for shape in drawn if shape.rle is not None]
    whole = merge_rles(rles) if rles else None
    return whole if whole is not None and rle_area(whole) else None
