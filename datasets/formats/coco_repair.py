"""Correct wrong annotations in COCO files of other programs, and record each correction.

All readers of COCO share these rules: conversions, trainings and `datasets check` see the same annotations.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from datasets.coco import (
    MAX_COORDINATE,
    MIN_RING_VALUES,
    Annotation,
    Box,
    CocoFile,
    Image,
    Polygons,
    Rle,
    Segmentation,
)
from datasets.formats.inner_rings import find_inner_rings

ANNOTATIONS_PER_BATCH = 2000  # whose masks are measured together
BOX_TOLERANCE = 2.0  # pixels; covers rounding, and boxes whose width is the difference of the outermost pixels
BOX_OVERLAP = 0.8  # minimum intersection over union of a separately drawn box and its mask


class Repair(msgspec.Struct, frozen=True, order=True):
    """One correction made while reading: image or file, place in it, code (docs/codes.md), value."""

    file: str
    where: str
    code: str
    value: str


def repair_annotations(coco: CocoFile) -> tuple[CocoFile, list[Repair]]:
    """`coco` with consistent annotations, and one Repair for each change.

    * A ring of fewer than three points is dropped (`short-ring`); empty rings are dropped without a Repair.
    * A box that disagrees with its mask (see `boxes_agree`) becomes the extents of the mask (`box-from-mask`). If
      it agrees with a polygon whose x and y are exchanged, that is noted too (`swapped-axes`): nothing shows which
      of the two is wrong.
    * A polygon inside another one of its annotation, which adds no pixels, is noted (`inner-ring`).
    * An area larger than its box by more than 2 pixels on each side, or negative, becomes the mask's pixel count,
      or w * h without a mask (`area-recomputed`).

    Ids must be unique and references valid (see `check_coco`). Masks that cannot be drawn stay unchanged.
    """
    images = {image.id: image for image in coco.images}
    repairs: list[Repair] = []
    annotations = []
    boxes = _mask_boxes(coco.annotations, images)
    for annotation, mask_box in zip(coco.annotations, boxes, strict=True):
        image = images[annotation.image_id]
        if mask_box is not None and _is_consistent(annotation, image, mask_box):
            annotations.append(annotation)
            continue
        repaired, changes = repair_annotation(image, annotation)
        annotations.append(repaired)
        where = f"annotation {annotation.id}"
        repairs += [Repair(image.file_name, where, code, value) for code, value in changes]
    if not repairs and annotations == coco.annotations:
        return coco, []
    return msgspec.structs.replace(coco, annotations=annotations), repairs


def repair_annotation(image: Image, annotation: Annotation) -> tuple[Annotation, list[tuple[str, str]]]:
    """Repair one annotation by the rules of `repair_annotations`; with (code, value) of each change."""
    segmentation, changes = _without_short_rings(annotation.segmentation)
    box, area = annotation.bbox, annotation.area
    mask_box = _mask_box(segmentation, image) if min(box[2:]) > 0 else None
    if mask_box is not None and not isinstance(segmentation, Rle) and _has_swapped_axes(box, segmentation):
        changes.append(("swapped-axes", f"{_text(box)} is y, x, height, width of the polygon"))
    changes += [("inner-ring", f"polygon {i + 1}") for i in find_inner_rings(segmentation)]
    if mask_box is not None and not _agrees(box, image, mask_box):
        exact = _drawn(segmentation, image)
        if exact is not None:
            changes.append(("box-from-mask", f"{_text(box)}, its mask {_text(exact[0])}"))
            box = exact[0]
    if min(box[2:]) > 0 and not 0 <= area <= _largest_area(box):
        exact = _drawn(segmentation, image)
        measured = box[2] * box[3] if exact is None else exact[1]
        changes.append(("area-recomputed", f"{area:g}, measured {measured:g}"))
        area = measured
    if not changes and segmentation is annotation.segmentation:
        return annotation, []
    return msgspec.structs.replace(annotation, bbox=box, area=area, segmentation=segmentation), changes


def _mask_boxes(annotations: Sequence[Annotation], images: Mapping[int, Image]) -> Iterator[Box | None]:
    """The box of each compressed mask that fits its image; None for all other annotations."""
    from datasets.masks.run_lengths import boxes_in_image

    for start in range(0, len(annotations), ANNOTATIONS_PER_BATCH):
        masks: dict[int, Rle] = {}
        some = annotations[start : start + ANNOTATIONS_PER_BATCH]
        for i, annotation in enumerate(some):
            image, mask = images[annotation.image_id], annotation.segmentation
            if isinstance(mask, Rle) and mask.size == (image.height, image.width):
                masks[i] = mask
        boxes = dict(zip(masks, boxes_in_image(list(masks.values())) or (), strict=False))
        yield from (boxes.get(i) for i in range(len(some)))


def _is_consistent(annotation: Annotation, image: Image, mask_box: Box) -> bool:
    """Whether an annotation with a compressed mask in `mask_box` needs no repair."""
    box = annotation.bbox
    if min(box[2:]) <= 0:
        return True
    if box == mask_box and 0 <= annotation.area <= box[2] * box[3]:  # most annotations
        return True
    return _agrees(box, image, mask_box) and 0 <= annotation.area <= _largest_area(box)


def _largest_area(box: Box) -> float:
    """Largest area of a mask whose box is `box` within its tolerance."""
    return (box[2] + BOX_TOLERANCE) * (box[3] + BOX_TOLERANCE)


def boxes_agree(box: Box, mask_box: Box) -> bool:
    """Whether a box describes a mask with the box `mask_box`; both [x, y, w, h] in pixels.

    They agree where no edge is more than 2 pixels off, or where they overlap by 80 %, unless the box is the
    corners x1, y1, x2, y2 of the mask.
    """
    x, y, w, h = mask_box
    if _near(box, mask_box) or (w <= 0 or h <= 0):
        return True
    if _are_corners(box, mask_box):
        return False
    shared_w = min(box[0] + box[2], x + w) - max(box[0], x)
    shared_h = min(box[1] + box[3], y + h) - max(box[1], y)
    shared = max(shared_w, 0) * max(shared_h, 0)
    return shared >= BOX_OVERLAP * (box[2] * box[3] + w * h - shared)


def _agrees(box: Box, image: Image, mask_box: Box) -> bool:
    """`boxes_agree` of the part of a box inside its image; corners are recognised before they are cut."""
    if _are_corners(box, mask_box) and not _near(box, mask_box):
        return False
    return boxes_agree(_inside(box, image), mask_box)


def _are_corners(box: Box, mask_box: Box) -> bool:
    """Whether a box is x1, y1, x2, y2 of the mask with the box `mask_box`, within the tolerance."""
    x, y, w, h = mask_box
    return max(abs(one - other) for one, other in zip(box, (x, y, x + w, y + h), strict=True)) <= BOX_TOLERANCE


def _inside(box: Box, image: Image) -> Box:
    """The part of a box inside its image, because masks are inside; the whole box if it is outside."""
    x0, y0 = _clamp(box[0], image.width), _clamp(box[1], image.height)
    x1, y1 = _clamp(box[0] + box[2], image.width), _clamp(box[1] + box[3], image.height)
    return (x0, y0, x1 - x0, y1 - y0) if x0 < x1 and y0 < y1 else box


def _near(one: Box, other: Box) -> bool:
    edges = ((b[0], b[1], b[0] + b[2], b[1] + b[3]) for b in (one, other))
    return all(abs(a - b) <= BOX_TOLERANCE for a, b in zip(*edges, strict=True))


def _without_short_rings(segmentation: Segmentation) -> tuple[Segmentation, list[tuple[str, str]]]:
    if isinstance(segmentation, Rle) or all(len(ring) >= MIN_RING_VALUES for ring in segmentation):
        return segmentation, []
    short = [ring for ring in segmentation if len(ring) < MIN_RING_VALUES]
    kept = [ring for ring in segmentation if len(ring) >= MIN_RING_VALUES]
    return kept, [("short-ring", str(ring)) for ring in short if ring]


def _mask_box(segmentation: Segmentation, image: Image) -> Box | None:
    """Extents of the mask, computed fast and at most a pixel off; None without a mask that can be drawn."""
    from datasets.masks.rle import rle_box

    if isinstance(segmentation, Rle):
        rle = _fitting_rle(segmentation, image)
        return None if rle is None else rle_box(rle)
    if not segmentation or not _can_be_drawn(segmentation):
        return None
    x0, x1 = _extent([v for ring in segmentation for v in ring[::2]], image.width)
    y0, y1 = _extent([v for ring in segmentation for v in ring[1::2]], image.height)
    return (x0, y0, x1 - x0, y1 - y0)


def _has_swapped_axes(box: Box, polygons: Polygons) -> bool:
    """Whether a box disagrees with polygons, but agrees with them if x and y of one are exchanged."""
    xs, ys = ([v for ring in polygons for v in ring[axis::2]] for axis in (0, 1))
    x, y, w, h = min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
    return min(w, h) > 0 and not boxes_agree(box, (x, y, w, h)) and boxes_agree(box, (y, x, h, w))


def _extent(values: Sequence[float], limit: int) -> tuple[float, float]:
    return _clamp(min(values), limit), _clamp(max(values), limit)


def _clamp(value: float, limit: int) -> float:
    return min(max(value, 0), limit)


def _drawn(segmentation: Segmentation, image: Image) -> tuple[Box, int] | None:
    """Box and area in pixels of the mask as pycocotools draws it, None if it has no pixel."""
    from datasets.masks.rle import rle_area, rle_box, to_rle

    if isinstance(segmentation, Rle):
        rle = _fitting_rle(segmentation, image)
    else:
        rle = to_rle(segmentation, image.height, image.width) if _can_be_drawn(segmentation) else None
    if rle is None or not (area := rle_area(rle)):
        return None
    return rle_box(rle), area


def _fitting_rle(rle: Rle, image: Image) -> Rle | None:
    from datasets.masks.rle import to_rle
    from datasets.masks.run_lengths import covers_image

    return to_rle(rle, image.height, image.width) if covers_image(rle, image.height, image.width) else None


def _can_be_drawn(polygons: Polygons) -> bool:
    return all(len(ring) % 2 == 0 and max(map(abs, ring)) <= MAX_COORDINATE for ring in polygons)


def _text(box: Box) -> str:
    return "[" + ", ".join(f"{value:.6g}" for value in box) + "]"
