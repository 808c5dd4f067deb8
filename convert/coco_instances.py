"""Convert the COCO annotations of one image: exact boxes and areas, clipped to the image."""

from typing import TYPE_CHECKING, Literal

import msgspec

from convert.coco_source import check_segmentation
from convert.conversion import Instance
from convert.report import Event
from datasets.coco import Annotation, Box, Image, Rle, Segmentation
from system.errors import InputError

if TYPE_CHECKING:
    from datasets.masks.component import Component

ROUNDING = 1e-3  # pixels; a coordinate this far outside is not reported
DECIMALS = 3  # of the coordinates of clipped boxes

Crowd = Literal["auto", "instance", "ignore", "refuse"]


class ImageInstances(msgspec.Struct, frozen=True):
    """The instances of one image, (category id, pixels) of the masks to paint, and events.

    Ignore regions are not painted.
    """

    instances: list[Instance]
    painted: "list[tuple[int, Component]]"
    events: list[Event]


def image_instances(image: Image, annotations: list[Annotation], crowd: Crowd, *, as_rle: bool) -> ImageInstances:
    """Convert the annotations of one image.

    A polygon stays a polygon, unless `as_rle` is set or it is partly outside the image. The box and area of a mask
    become its extents and its number of pixels. `crowd` states whether a crowd annotation becomes an ordinary
    instance, stays an ignore region or is refused. Raises InputError for a mask that cannot be drawn and for a
    refused crowd annotation.
    """
    from datasets.masks.edges import rle_to_component

    made = ImageInstances([], [], [])
    for annotation in annotations:
        where = f"annotation {annotation.id}"
        iscrowd = _crowd(image, annotation, crowd)
        instance, rle, codes = _instance(image, annotation, as_rle=as_rle)
        if instance is not None and annotation.iscrowd:
            codes.append(("crowd-kept" if iscrowd else "crowd-as-instance", _text(instance.bbox)))
            instance = msgspec.structs.replace(instance, iscrowd=iscrowd)
        made.events.extend(Event(image.file_name, where, code, value) for code, value in codes)
        if instance is None:
            continue
        made.instances.append(instance)
        if rle is not None and not iscrowd:
            made.painted.append((instance.category_id, rle_to_component(rle)))
    return made


def _crowd(image: Image, annotation: Annotation, crowd: Crowd) -> int:
    if not annotation.iscrowd or crowd == "instance":
        return 0
    if crowd == "refuse":
        remedy = "give --crowd instance if it is a defect, --crowd ignore if it is an ignore region"
        raise InputError(
            f"{image.file_name}, annotation {annotation.id}", "a crowd annotation (iscrowd 1)", remedy
        )
    return 1


def _instance(
    image: Image, annotation: Annotation, *, as_rle: bool
) -> tuple[Instance | None, Rle | None, list[tuple[str, str]]]:
    from datasets.masks.rle import rle_area, rle_box, to_rle

    if not annotation.segmentation:
        return _box_instance(image, annotation)
    check_segmentation(image, annotation)
    rle = to_rle(annotation.segmentation, image.height, image.width)
    if rle is None or not (area := rle_area(rle)):
        return None, None, [("no-area", _text(annotation.bbox))]
    is_clipped = _is_outside(annotation.segmentation, image)
    plain = rle if as_rle or is_clipped or isinstance(annotation.segmentation, Rle) else annotation.segmentation
    codes = [("clipped", _text(annotation.bbox))] if is_clipped else []
    return Instance(annotation.category_id, rle_box(rle), area, plain), rle, codes


def _box_instance(image: Image, annotation: Annotation) -> tuple[Instance | None, None, list[tuple[str, str]]]:
    x, y, w, h = annotation.bbox
    if min(w, h) <= 0:
        return None, None, [("no-area", _text(annotation.bbox))]
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, image.width), min(y + h, image.height)
    if x0 >= x1 or y0 >= y1:
        return None, None, [("outside", _text(annotation.bbox))]
    if (x0, y0, x1, y1) == (x, y, x + w, y + h):
        return Instance(annotation.category_id, annotation.bbox, annotation.area, []), None, []
    box: Box = (_short(x0), _short(y0), _short(x1 - x0), _short(y1 - y0))
    if min(box[2:]) <= 0:  # thinner than half a thousandth of a pixel
        return None, None, [("no-area", _text(annotation.bbox))]
    lost = max(x0 - x, y0 - y, x + w - x1, y + h - y1)
    codes = [("clipped", _text(annotation.bbox))] if lost > ROUNDING else []
    return Instance(annotation.category_id, box, min(annotation.area, _short(box[2] * box[3])), []), None, codes


def _is_outside(segmentation: Segmentation, image: Image) -> bool:
    if isinstance(segmentation, Rle):
        return False
    limits = (image.width + ROUNDING, image.height + ROUNDING)
    return any(not -ROUNDING <= v <= limits[i % 2] for ring in segmentation for i, v in enumerate(ring))


def _short(value: float) -> int | float:
    rounded = round(value, DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def _text(box: Box) -> str:
    return "[" + ", ".join(f"{value:.6g}" for value in box) + "]"
