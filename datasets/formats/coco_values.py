"""Whether the coordinates of a COCO file are pixels, and its boxes x y w h, as the format states."""

from pathlib import Path

import msgspec

from datasets.coco import CocoFile
from datasets.formats.box_form import BoxForm, as_form, check_box_form, find_outliers, pixel_box
from datasets.formats.coco_repair import Repair
from datasets.formats.fractions import annotation_corners, check_not_fractions

COCO_FORM: BoxForm = "corner-size"


def with_boxes_of(coco: CocoFile, form: BoxForm) -> CocoFile:
    """The file with boxes that are x y w h, of a file whose boxes have another `form`."""
    if form == COCO_FORM:
        return coco
    annotations = [msgspec.structs.replace(a, bbox=as_form(a.bbox, form, COCO_FORM)) for a in coco.annotations]
    return msgspec.structs.replace(coco, annotations=annotations)


def check_coordinates(path: Path, coco: CocoFile, *, is_form_stated: bool = False) -> list[Repair]:
    """Raise InputError if the coordinates are fractions of the image, or the boxes obviously have another form.

    A Repair `box-form` if they may have, and `box-outlier` for each box that alone may. A box with a mask is not
    compared: there the mask counts. With `is_form_stated` no box is. Ids must be unique and references valid.
    """
    check_not_fractions(path, annotation_corners(coco.annotations))
    images = {image.id: image for image in coco.images}
    listed = [a for a in coco.annotations if not a.segmentation and not is_form_stated]
    boxes = [
        pixel_box(a.bbox, image.width, image.height, a.area) for a in listed for image in [images[a.image_id]]
    ]
    if found := check_box_form(path, boxes, COCO_FORM, "coco2coco"):
        return [Repair(path.name, "$.annotations", "box-form", found)]
    return [
        Repair(images[listed[i].image_id].file_name, f"annotation {listed[i].id}", "box-outlier", reason)
        for i, reason in find_outliers(boxes, COCO_FORM).items()
    ]
