"""Normalise COCO files of other programs, which write the same values in other forms, before they are read.

FiftyOne writes null for an empty supercategory; others write sizes as 640.0, crowd as false, no area, or the
points of a single polygon without the outer list. Nothing is guessed: a missing value must follow from the rest.
"""

import json
import math
from typing import Any

import msgspec

from datasets.coco import MIN_RING_VALUES

WHOLE_NUMBERS = ("id", "image_id", "category_id", "width", "height", "iscrowd")
OPTIONAL = ("segmentation", "iscrowd", "supercategory", "info", "licenses")


def normalise_foreign_json(raw: object, *, unlabelled_ok: bool = False) -> object:
    """A decoded COCO file with whole numbers as integers, and without nulls in optional fields.

    A missing box is computed from the mask, a missing area from the mask or else the box, in pixels. With
    `unlabelled_ok`, annotations may be missing, and categories too if there are no annotations. Values that cannot
    be normalised stay unchanged, and the reader refuses them. Raises msgspec.ValidationError if a key is
    missing at the top level.
    """
    if not isinstance(raw, dict):
        return raw
    normal = _without_nulls(raw)
    if unlabelled_ok and normal.get("annotations") is None:
        normal["annotations"] = []
    if unlabelled_ok and normal.get("categories") is None and not normal["annotations"]:
        normal["categories"] = []
    _check_keys(normal)
    for field in ("images", "annotations", "categories"):
        if isinstance(normal.get(field), list):
            normal[field] = [_normalise(item) for item in normal[field]]
    if isinstance(normal.get("images"), list) and isinstance(normal.get("annotations"), list):
        images = [image for image in normal["images"] if isinstance(image, dict) and _is_whole(image.get("id"))]
        sizes = {image["id"]: (image.get("height"), image.get("width")) for image in images}
        normal["annotations"] = [_measure(annotation, sizes) for annotation in normal["annotations"]]
    return normal


def find_non_finite(data: bytes) -> str | None:
    """The place of NaN or Infinity in a JSON file, such as `$.annotations[0].area is NaN`; None if none.

    Python writes such numbers, but JSON has none.
    """
    try:
        raw = json.loads(data)
        return _non_finite(raw, "$")
    except (ValueError, RecursionError):
        return None


def _non_finite(value: Any, path: str) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path} is {'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'}"
    if isinstance(value, dict):
        inside = ((item, f"{path}.{key}") for key, item in value.items())
    elif isinstance(value, list):
        inside = ((item, f"{path}[{i}]") for i, item in enumerate(value))
    else:
        return None
    return next(filter(None, (_non_finite(item, where) for item, where in inside)), None)


def _check_keys(raw: dict[str, Any]) -> None:
    for key in ("images", "annotations", "categories"):
        if key not in raw:
            similar = next((name for name in raw if name in (key[:-1], key.capitalize(), key.upper())), None)
            hint = f" (there is `{similar}`)" if similar else ""
            raise msgspec.ValidationError(f"Object missing required field `{key}`{hint}")


def _normalise(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    normal = _without_nulls(item)
    normal.update({key: _whole(normal[key]) for key in WHOLE_NUMBERS if key in normal})
    mask = normal.get("segmentation")
    if isinstance(mask, dict):
        normal["segmentation"] = {key: _whole_list(value) for key, value in mask.items()}
    elif isinstance(mask, list) and len(mask) >= MIN_RING_VALUES and all(map(_is_number, mask)):
        normal["segmentation"] = [mask]
    return normal


def _without_nulls(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if value is not None or key not in OPTIONAL}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else value


def _whole_list(value: Any) -> Any:
    return [_whole(one) for one in value] if isinstance(value, list) else value


def _measure(annotation: Any, sizes: dict[Any, tuple[Any, Any]]) -> Any:
    """The annotation with box and area, if they can be computed from its mask or box."""
    if not isinstance(annotation, dict) or (annotation.get("bbox") and annotation.get("area") is not None):
        return annotation
    image_id = annotation.get("image_id")
    size = sizes.get(image_id) if _is_whole(image_id) else None
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

    if not segmentation or not _is_whole(height) or not _is_whole(width):
        return None
    if min(height, width) < 1 or height * width > MAX_PIXELS:
        return None
    try:
        mask: Segmentation = msgspec.convert(segmentation, Segmentation)
    except msgspec.ValidationError:
        return None
    if not isinstance(mask, Rle):
        mask = [ring for ring in mask if len(ring) >= MIN_RING_VALUES]
    can_be_drawn = (
        covers_image(mask, height, width)
        if isinstance(mask, Rle)
        else all(len(ring) % 2 == 0 and max(map(abs, ring)) <= MAX_COORDINATE for ring in mask)
    )
    rle = to_rle(mask, height, width) if can_be_drawn else None
    return None if rle is None else (list(map(int, rle_box(rle))), rle_area(rle))
