"""Lines of a YOLO label file as COCO instances of one image: boxes without a mask, segments with one."""

from typing import TYPE_CHECKING

from convert.conversion import Instance
from datasets.coco import Box
from datasets.formats.yolo import Label

if TYPE_CHECKING:
    from datasets.masks.component import Component

DECIMALS = 3  # of a pixel; label files are rounded themselves, mostly to 6 decimals of the picture
SLACK = 1e-6  # of the picture: a coordinate outside it by less is rounding


def label_instance(
    label: Label, height: int, width: int, segmentation: str
) -> "tuple[Instance | None, Component | None]":
    """The annotation a label is in a picture of height x width pixels, and the pixels of a segment.

    None where nothing of it is inside; `segmentation` is rle, polygon (as drawn) or auto (the shorter one).
    """
    return (_box(label, height, width), None) if label.is_box else _segment(label, height, width, segmentation)


def _box(label: Label, height: int, width: int) -> Instance | None:
    cx, cy, w, h = label.values
    x0, x1 = (_inside(v, width) for v in (cx - w / 2, cx + w / 2))
    y0, y1 = (_inside(v, height) for v in (cy - h / 2, cy + h / 2))
    if x0 >= x1 or y0 >= y1:
        return None
    box: Box = (x0, y0, _short(x1 - x0), _short(y1 - y0))
    return Instance(label.class_index + 1, box, _short(box[2] * box[3]), [])


def _segment(
    label: Label, height: int, width: int, segmentation: str
) -> "tuple[Instance, Component] | tuple[None, None]":
    from datasets.masks.component import mask_to_component
    from datasets.masks.rle import decode, encode

    points = [_inside(v, height if i % 2 else width) for i, v in enumerate(label.values)]
    mask = decode([points], height, width)
    if not mask.any():
        return None, None
    whole = mask_to_component(mask.astype(bool))
    rle = encode(mask)
    as_polygon = segmentation == "polygon" or (segmentation == "auto" and _written(points) <= len(str(rle.counts)))
    return Instance(label.class_index + 1, whole.box, whole.area, [points] if as_polygon else rle), whole


def leads_outside(label: Label) -> bool:
    """Whether part of a label is outside the picture by more than rounding."""
    values = label.values
    if label.is_box:
        cx, cy, w, h = values
        values = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    return min(values) < -SLACK or max(values) > 1 + SLACK


def _inside(normalised: float, size: int) -> int | float:
    return _short(min(max(normalised, 0.0), 1.0) * size)


def _short(value: float) -> int | float:
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def _written(points: list[int | float]) -> int:
    return sum(len(str(value)) + 1 for value in points)
