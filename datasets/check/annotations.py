"""Checks of the annotations of each image: zero area, duplicate, outside, overlapping, too small."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, islice

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, ImageFacts, Limits
from datasets.coco import MAX_COORDINATE, Rle
from datasets.masks.component_areas import smallest_components
from datasets.masks.rle import rle_area, shared_area, to_rle
from datasets.masks.run_lengths import all_run_lengths, covers_image

DUPLICATE_THRESHOLD = 0.9  # minimum intersection over union of two annotations of one defect
SAME_BOX_THRESHOLD = 0.8  # minimum intersection over union of overlapping boxes of two types, without masks
OVERLAP_THRESHOLD = 0.05  # minimum share of the smaller of two annotations of different types
FEW = 64  # annotations whose pairs are all compared without arrays
MAX_PAIRS = 100_000  # of overlapping boxes in an image that are compared
OUTSIDE_THRESHOLD = 1.0  # pixels; smaller distances are drawing inaccuracy


def check_good(images: Sequence[ImageFacts]) -> list[Finding]:
    """Images in a folder called good that have annotations other than ignore regions."""
    with_annotations = [image for image in images if image.is_good and image.defects]
    return [
        Finding(image.name, "", "good-with-shapes", f"{len(image.defects)} annotations")
        for image in with_annotations
    ]


def check_zero_area(images: Sequence[ImageFacts]) -> list[Finding]:
    """Annotations without area."""
    return [
        Finding(image.name, annotation.where, "zero-area", f"{annotation.category} {_box(annotation)}")
        for image in images
        for annotation in image.annotations
        if not _has_area(annotation)
    ]


def check_outside(images: Sequence[ImageFacts]) -> list[Finding]:
    """Annotations that extend more than OUTSIDE_THRESHOLD pixels outside their image."""
    return [
        Finding(
            image.name, annotation.where, "outside-image", f"{_box(annotation)} in {image.width} x {image.height}"
        )
        for image in images
        for annotation in image.annotations
        if image.width and _extends_outside(annotation, image)
    ]


def check_pairs(images: Sequence[ImageFacts]) -> list[Finding]:
    """Defects annotated twice, and defects of two types on the same pixels; ignore regions may overlap them."""
    findings = []
    for image in images:
        with_area = [annotation for annotation in image.defects if _has_area(annotation)]
        masks = _Masks(with_area, image)
        pairs = list(islice(_pairs_of_boxes(with_area), MAX_PAIRS + 1))
        for i, j in pairs[:MAX_PAIRS]:
            one, other = with_area[i], with_area[j]
            if (code := _compare(one, other, partial(masks.pair, i, j))) is not None:
                value = f"{one.category} and {other.category}" if code == "overlap-of-types" else one.category
                findings.append(Finding(image.name, f"{one.where}, {other.where}", code, value))
        if len(pairs) > MAX_PAIRS:
            findings.append(Finding(image.name, "", "many-overlaps", f"the first {MAX_PAIRS} pairs are compared"))
    return findings


def _pairs_of_boxes(annotations: Sequence[AnnotationFacts]) -> Iterator[tuple[int, int]]:
    """The pairs i < j of annotations whose boxes share an area, in order."""
    if len(annotations) <= FEW:
        yield from combinations(range(len(annotations)), 2)
        return
    import numpy as np

    boxes = np.array([annotation.box for annotation in annotations], np.float64)
    left, top = boxes[:, 0], boxes[:, 1]
    right, bottom = left + boxes[:, 2], top + boxes[:, 3]
    order = np.argsort(left, kind="stable")
    # only boxes whose left side is in this range of the order can overlap box i across
    begins = np.searchsorted(left[order], left - boxes[:, 2].max())
    ends = np.searchsorted(left[order], right)
    for i, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        near = order[begin:end]
        near = near[near > i]
        shared = (right[near] > left[i]) & (top[near] < bottom[i]) & (bottom[near] > top[i])
        for j in np.sort(near[shared]).tolist():
            yield i, j


class _Masks:
    """The compressed masks of the annotations of an image, each made once."""

    def __init__(self, annotations: Sequence[AnnotationFacts], image: ImageFacts) -> None:
        self._annotations = annotations
        self._image = image
        self._made: dict[int, Rle | None] = {}

    def pair(self, first: int, second: int) -> tuple[Rle | None, Rle | None]:
        return self._mask(first), self._mask(second)

    def _mask(self, number: int) -> Rle | None:
        if number not in self._made:
            self._made[number] = _rle(self._annotations[number], self._image)
        return self._made[number]


def check_speckle(images: Sequence[ImageFacts], limits: Limits) -> list[Finding]:
    """Components with fewer than `limits.max_speckle` pixels."""
    findings = []
    for image in (image for image in images if image.width):
        with_area = [annotation for annotation in image.defects if _has_area(annotation)]
        for annotation, smallest in zip(with_area, _smallest_components(with_area, image), strict=True):
            if smallest < limits.max_speckle:
                findings.append(Finding(image.name, annotation.where, "speckle", f"{smallest:g} px"))
    return findings


def check_small(images: Sequence[ImageFacts], limits: Limits) -> list[Finding]:
    """Boxes with a side under `limits.min_side` pixels at a longer image side of `limits.imgsz` pixels."""
    findings = []
    for image in images:
        scale = limits.imgsz / max(image.width, image.height, 1)
        for annotation in filter(_has_area, image.defects):
            side = min(annotation.box[2:]) * scale
            if image.width and side < limits.min_side:
                value = f"{side:.1f} px of {limits.imgsz}"
                findings.append(Finding(image.name, annotation.where, "small-at-training-size", value))
    return findings


def _has_area(annotation: AnnotationFacts) -> bool:
    return annotation.area > 0 and min(annotation.box[2:]) > 0


def _box(annotation: AnnotationFacts) -> str:
    return "[" + ", ".join(f"{v:.6g}" for v in annotation.box) + "]"


def _extends_outside(annotation: AnnotationFacts, image: ImageFacts) -> bool:
    x, y, w, h = annotation.box
    return (
        min(x, y) < -OUTSIDE_THRESHOLD
        or x + w > image.width + OUTSIDE_THRESHOLD
        or y + h > image.height + OUTSIDE_THRESHOLD
    )


def _compare(
    one: AnnotationFacts, other: AnnotationFacts, masks: Callable[[], tuple[Rle | None, Rle | None]]
) -> str | None:
    shared = _shared_box(one, other)
    if shared <= 0:
        return None
    union = one.box[2] * one.box[3] + other.box[2] * other.box[3] - shared
    ratio, covered = shared / union, 0.0
    first, second = masks()
    if first is not None and second is not None:
        ratio, covered = _shared_pixels(first, second)
    if one.category == other.category:
        return "duplicate-annotation" if ratio >= DUPLICATE_THRESHOLD else None
    return "overlap-of-types" if covered >= OVERLAP_THRESHOLD or ratio >= SAME_BOX_THRESHOLD else None


def _shared_box(one: AnnotationFacts, other: AnnotationFacts) -> float:
    (ax, ay, aw, ah), (bx, by, bw, bh) = one.box, other.box
    width, height = min(ax + aw, bx + bw) - max(ax, bx), min(ay + ah, by + bh) - max(ay, by)
    return max(width, 0) * max(height, 0)


def _shared_pixels(first: Rle, second: Rle) -> tuple[float, float]:
    """Intersection over union, and intersection over the smaller one."""
    shared = shared_area(first, second)
    areas = [rle_area(rle) for rle in (first, second)]
    return shared / max(sum(areas) - shared, 1), shared / max(min(areas), 1)


def _rle(annotation: AnnotationFacts, image: ImageFacts) -> Rle | None:
    """The compressed mask, None if the annotation has none or its mask does not fit the image."""
    segmentation = annotation.segmentation
    if not segmentation or not image.width or max(map(abs, annotation.box)) > MAX_COORDINATE:
        return None
    if isinstance(segmentation, Rle) and not covers_image(segmentation, image.height, image.width):
        return None
    return to_rle(segmentation, image.height, image.width)


def _smallest_components(annotations: Sequence[AnnotationFacts], image: ImageFacts) -> list[float]:
    """Pixels of the smallest component of each annotation; its area if it has no mask or an empty one."""
    found = [annotation.area for annotation in annotations]
    masks = _rles(annotations, image)
    numbers = [number for number, rle in enumerate(masks) if rle is not None]
    smallest = smallest_components([rle for rle in masks if rle is not None])
    for number, pixels in zip(numbers, smallest, strict=True):
        found[number] = pixels or found[number]
    return found


def _rles(annotations: Sequence[AnnotationFacts], image: ImageFacts) -> list[Rle | None]:
    """`_rle` of each annotation; compressed masks are checked together, which is much faster."""
    size = (image.height, image.width)
    masks = [a.segmentation for a in annotations]
    packed = [mask for mask in masks if isinstance(mask, Rle) and mask.size == size]
    are_near = all(max(map(abs, a.box)) <= MAX_COORDINATE for a in annotations)
    if len(packed) == len(masks) and packed and are_near and all_run_lengths(packed) is not None:
        return list(packed)
    return [_rle(annotation, image) for annotation in annotations]
