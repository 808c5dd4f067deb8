"""Lines of a YOLO label file as COCO instances of one image: boxes without a mask, segments with one."""

from typing import TYPE_CHECKING

from convert.conversion import Instance
from datasets.coco import Box, Segmentation, SegmentationForm
from datasets.formats.yolo_lines import Label

if TYPE_CHECKING:
    from datasets.masks.component import Component

DECIMALS = 3  # of a pixel; label files are rounded themselves, mostly to 6 decimals of the image
BOX_DECIMALS = 2  # coco2yolo leaves 5e-4 pixels between a segment and its box
MIN_IOU = 0.99  # from which the points of a segment are kept
SLACK = 1e-6  # of the image: a coordinate outside it by less is rounding


def label_instance(
    label: Label, height: int, width: int, segmentation: SegmentationForm, longest: int = 0
) -> "tuple[Instance | None, Component | None]":
    """The annotation of a label in an image of height x width pixels, and the pixels of a segment.

    None if nothing of it is inside, or where a segment is a single point. The box of a segment is that of its
    points, its pixels are those that Ultralytics draws. `segmentation` is rle, polygon or auto (the shorter one);
    `longest` is the number of points of the longest segment of the image.
    """
    if label.is_box:
        return _box(label, height, width), None
    return _segment(label, height, width, segmentation, max(longest, len(label.values) // 2))


def _box(label: Label, height: int, width: int) -> Instance | None:
    cx, cy, w, h = label.values
    x0, x1 = (_inside(v, width) for v in (cx - w / 2, cx + w / 2))
    y0, y1 = (_inside(v, height) for v in (cy - h / 2, cy + h / 2))
    if x0 >= x1 or y0 >= y1:
        return None
    box: Box = (x0, y0, _short(x1 - x0), _short(y1 - y0))
    return Instance(label.class_index + 1, box, _short(box[2] * box[3]), [])


def _segment(
    label: Label, height: int, width: int, segmentation: SegmentationForm, longest: int
) -> "tuple[Instance, Component] | tuple[None, None]":
    from datasets.masks.drawn_segment import draw_segment

    is_point = len(set(zip(label.values[0::2], label.values[1::2], strict=True))) == 1
    drawn = None if is_point else draw_segment(label.values, longest, height, width)
    if drawn is None:
        return None, None
    written, component = _segmentation(label, drawn, height, width, segmentation)
    box = _box_of_points(label, height, width) or component.box
    return Instance(label.class_index + 1, box, component.area, written), component


def _segmentation(
    label: Label, drawn: "Component", height: int, width: int, segmentation: SegmentationForm
) -> "tuple[Segmentation, Component]":
    """The segmentation that is written for a segment, and its pixels.

    A polygon keeps the points of the label if readers of COCO files fill almost the same pixels; otherwise it is
    the outline of the drawn pixels.
    """
    from datasets.masks.component import mask_to_component
    from datasets.masks.pixel_outline import component_to_segmentation
    from datasets.masks.rle import decode, encode

    if segmentation != "rle":
        points = [_inside(v, height if i % 2 else width) for i, v in enumerate(label.values)]
        mask = decode([points], height, width).astype(bool)
        shared = int((mask[_slices(drawn)] & drawn.pixels).sum())
        is_alike = shared >= MIN_IOU * (int(mask.sum()) + drawn.area - shared)
        if is_alike and (segmentation == "polygon" or _written(points) <= len(str(encode(mask).counts))):
            return [points], mask_to_component(mask)
    return component_to_segmentation(drawn, height, width, segmentation), drawn


def _slices(component: "Component") -> tuple[slice, slice]:
    x, y, w, h = component.box
    return slice(y, y + h), slice(x, x + w)


def _box_of_points(label: Label, height: int, width: int) -> Box | None:
    """The box that Ultralytics computes for a segment, inside the image; None if it has no area."""
    xs, ys = label.values[0::2], label.values[1::2]
    x0, x1 = (_short(_inside(v, width), BOX_DECIMALS) for v in (min(xs), max(xs)))
    y0, y1 = (_short(_inside(v, height), BOX_DECIMALS) for v in (min(ys), max(ys)))
    box: Box = (x0, y0, _short(x1 - x0), _short(y1 - y0))
    return box if min(box[2:]) > 0 else None


def box_around(label: Label) -> Label:
    """The box around the corners of an oriented box."""
    xs, ys = label.values[0::2], label.values[1::2]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    return Label(label.class_index, ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0), "oriented-box")


def leads_outside(label: Label) -> bool:
    """Whether part of a label is outside the image by more than rounding."""
    values = label.values
    if label.is_box:
        cx, cy, w, h = values
        values = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    return min(values) < -SLACK or max(values) > 1 + SLACK


def _inside(normalised: float, size: int) -> int | float:
    return _short(min(max(normalised, 0.0), 1.0) * size)


def _short(value: float, decimals: int = DECIMALS) -> int | float:
    rounded = round(value, decimals)
    return int(rounded) if rounded == int(rounded) else rounded


def _written(points: list[int | float]) -> int:
    return sum(len(str(value)) + 1 for value in points)
