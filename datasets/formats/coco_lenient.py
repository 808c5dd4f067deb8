"""COCO files as other programs write them: the same facts in looser words, put into ours before they are read.

FiftyOne writes null for an empty supercategory, others sizes as 640.0, crowd as false or no area. Nothing is
guessed: what is not said must follow from what is.
"""

from typing import Any

import msgspec

WHOLE_NUMBERS = ("id", "image_id", "category_id", "width", "height", "iscrowd")
OPTIONAL = ("segmentation", "iscrowd", "supercategory", "info", "licenses")


def loosen(raw: Any) -> Any:
    """A decoded COCO file with whole numbers as such, without nulls where a field may be missing.

    A missing box is that of the mask, a missing area that of the mask or else of the box, in pixels. What cannot
    be mended so stays as it is, for the reader to refuse.
    """
    if not isinstance(raw, dict):
        return raw
    mended = _without_nulls(raw)
    for field in ("images", "annotations", "categories"):
        if isinstance(raw.get(field), list):
            mended[field] = [_mend(item) for item in raw[field]]
    if isinstance(raw.get("images"), list) and isinstance(raw.get("annotations"), list):
        images = [image for image in mended["images"] if isinstance(image, dict) and _is_number(image.get("id"))]
        sizes = {image["id"]: (image.get("height"), image.get("width")) for image in images}
        mended["annotations"] = [_measure(annotation, sizes) for annotation in mended["annotations"]]
    return mended


def _mend(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    mended = _without_nulls(item)
    mended.update({key: _whole(mended[key]) for key in WHOLE_NUMBERS if key in mended})
    mask = mended.get("segmentation")
    if isinstance(mask, dict):
        mended["segmentation"] = {key: _whole_list(value) for key, value in mask.items()}
    return mended


def _without_nulls(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if value is not None or key not in OPTIONAL}


def _is_number(value: Any) -> bool:
    return isinstance(value, int)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value


def _whole_list(value: Any) -> Any:
    return [_whole(one) for one in value] if isinstance(value, list) else value


def _measure(annotation: Any, sizes: dict[Any, tuple[Any, Any]]) -> Any:
    """The annotation with a box and an area, where they follow from what it says."""
    if not isinstance(annotation, dict) or (annotation.get("bbox") and annotation.get("area") is not None):
        return annotation
    image_id = annotation.get("image_id")
    size = sizes.get(image_id) if _is_number(image_id) else None
    measured = _of_mask(annotation.get("segmentation"), *size) if size else None
    box, area = annotation.get("bbox"), annotation.get("area")
    if measured:
        box, area = box or measured[0], measured[1] if area is None else area
    elif area is None:
        area = _box_area(box)
    found = {"bbox": box, "area": area}
    return annotation | {key: value for key, value in found.items() if value is not None}


def _box_area(box: Any) -> Any:
    is_box = isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)
    return box[2] * box[3] if is_box else None


def _of_mask(segmentation: Any, height: Any, width: Any) -> tuple[list[int], int] | None:
    from datasets.coco import MAX_COORDINATE, MAX_PIXELS, Rle, Segmentation
    from datasets.masks.rle import rle_area, rle_box, to_rle
    from datasets.masks.run_lengths import covers_image

    if not segmentation or not _is_number(height) or not _is_number(width):
        return None
    if min(height, width) < 1 or height * width > MAX_PIXELS:
        return None
    try:
        said: Segmentation = msgspec.convert(segmentation, Segmentation)
    except msgspec.ValidationError:
        return None
    can_be_drawn = (
        covers_image(said, height, width)
        if isinstance(said, Rle)
        else all(len(ring) >= 6 and len(ring) % 2 == 0 and max(map(abs, ring)) <= MAX_COORDINATE for ring in said)
    )
    rle = to_rle(said, height, width) if can_be_drawn else None
    return None if rle is None else (list(map(int, rle_box(rle))), rle_area(rle))
