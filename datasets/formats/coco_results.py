"""Normalise COCO results of other tools before they are read.

SAHI writes an empty segmentation for a box, faster-coco-eval writes polygons, and results that contain only masks
have no boxes. Source: https://cocodataset.org/#format-results.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from datasets.coco import MAX_COORDINATE, MAX_PIXELS, MIN_RING_VALUES, Image, Polygons, Prediction, Rle
from system.errors import InputError

Sizes = Mapping[int, tuple[int, int]]


def normalise_results(raw: object, images: Iterable[Image]) -> object:
    """A decoded results file with masks as run lengths, and missing boxes computed from the mask.

    Polygons are drawn in the image that `images` lists under their image_id. Values that cannot be normalised stay
    unchanged, and the reader refuses them. Raises msgspec.ValidationError for a polygon in an image of unknown
    size.
    """
    if not isinstance(raw, list):
        return raw
    sizes = {image.id: (image.height, image.width) for image in images}
    return [_normalise(item, f"$[{i}]", sizes) if isinstance(item, dict) else item for i, item in enumerate(raw)]


def with_compressed_mask(prediction: Prediction) -> Prediction:
    """The prediction with a compressed mask, if it has plain run lengths that cover the image."""
    from datasets.masks.rle import to_rle
    from datasets.masks.run_lengths import covers_image

    mask = prediction.segmentation
    if mask is None or isinstance(mask.counts, str) or not covers_image(mask, *mask.size):
        return prediction
    return msgspec.structs.replace(prediction, segmentation=to_rle(mask, *mask.size))


def check_masks(path: Path, predictions: Sequence[Prediction], images: Iterable[Image]) -> None:
    """Raise InputError for a mask that does not have the size of its image, or whose run lengths do not add up to
    it.

    pycocotools checks neither, and would allocate memory for the size that the file states.
    """
    from datasets.masks.run_lengths import covers_image

    sizes = {image.id: (image.height, image.width) for image in images}
    for i, prediction in enumerate(predictions):
        mask = prediction.segmentation
        if mask is None:
            continue
        height, width = sizes.get(prediction.image_id, mask.size)
        where = f"$[{i}].segmentation"
        if mask.size != (height, width):
            problem = (
                f"{where} has the size {mask.size[0]} x {mask.size[1]}, but its image {height} x {width} (H x W)"
            )
            raise InputError(path, problem, "predict again")
        if not covers_image(mask, height, width):
            raise InputError(
                path, f"the run lengths of {where} do not add up to the size of its image", "predict again"
            )


def _normalise(item: dict[str, Any], where: str, sizes: Sizes) -> dict[str, Any]:
    from datasets.masks.rle import rle_box
    from datasets.masks.run_lengths import covers_image

    normal = {key: value for key, value in item.items() if key not in {"segmentation", "bbox"}}
    for key in ("image_id", "category_id"):
        if isinstance(normal.get(key), float) and normal[key].is_integer():
            normal[key] = int(normal[key])
    image_id = normal.get("image_id", 0)
    mask = _mask(item.get("segmentation"), where, sizes.get(image_id) if isinstance(image_id, int) else None)
    box = item.get("bbox")
    if mask is not None:
        normal["segmentation"] = msgspec.to_builtins(mask) if isinstance(mask, Rle) else mask
    if box:
        normal["bbox"] = box
    elif isinstance(mask, Rle) and covers_image(mask, *mask.size):
        normal["bbox"] = list(rle_box(mask))
    return normal


def _mask(segmentation: Any, where: str, size: tuple[int, int] | None) -> Any:
    """The compressed mask; None for no mask, the unchanged segmentation if it cannot be drawn."""
    from datasets.masks.rle import fill_polygons, to_rle
    from datasets.masks.run_lengths import covers_image

    if not segmentation:
        return None
    try:
        mask = msgspec.convert(segmentation, Rle | Polygons)
    except msgspec.ValidationError:
        return segmentation
    if isinstance(mask, Rle):
        return to_rle(mask, *mask.size) if covers_image(mask, *mask.size) else segmentation
    if size is None:
        problem = f"a polygon in an image of unknown size - at `{where}.segmentation`"
        raise msgspec.ValidationError(problem)
    can_be_drawn = size[0] * size[1] <= MAX_PIXELS and all(map(_is_ring, mask))
    return fill_polygons(mask, *size) if can_be_drawn else segmentation


def _is_ring(values: Sequence[float]) -> bool:
    return len(values) >= MIN_RING_VALUES and len(values) % 2 == 0 and max(map(abs, values)) <= MAX_COORDINATE
