"""Checks of the annotations of each image: zero area, duplicate, outside, overlapping, too small."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, islice

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, Facts, ImageFacts, Limits
from datasets.coco import MAX_COORDINATE, Rle
from datasets.masks.edges import rle_to_component
from datasets.masks.find_components import components
from datasets.masks.rle import rle_area, shared_area, to_rle
from datasets.masks.run_lengths import covers_image

DUPLICATE_THRESHOLD = 0.9  # minimum intersection over union of two annotations of one defect
SAME_BOX_THRESHOLD = 0.8  # minimum intersection over union of overlapping boxes of two types, without masks
OVERLAP_THRESHOLD = 0.05  # minimum share of the smaller of two annotations of different types
FEW = 64  # annotations whose pairs are all compared without arrays
MAX_PAIRS = 100_000  # of overlapping boxes in an image that are compared
OUTSIDE_THRESHOLD = 1.0  # pixels; smaller distances are drawing inaccuracy


def check_good(facts: Facts) -> list[Finding]:
    """Images in a folder called good that have annotations other than ignore regions."""
    with_annotations = [image for image in facts.images if image.is_good and image.defects]
    return [
        Finding(image.name, "", "good-with-shapes", f"{len(image.defects)} annotations")
        for image in with_annotations
    ]


def check_zero_area(facts: Facts) -> list[Finding]:
    """Annotations without area."""
    return [
        Finding(image.name, annotation.where, "zero-area", f"{annotation.category} {_box(annotation)}")
        for image in facts.images
        for annotation in image.annotations
        if not _has_area(annotation)
    ]


def check_outside(facts: Facts) -> list[Finding]:
    """Annotations that extend more than OUTSIDE_THRESHOLD pixels outside their image."""
    return [
        Finding(
            image.name, annotation.where, "outside-image", f"{_box(annotation)} in {image.width} x {image.height}"
        )
        for image in facts.images
        for annotation in image.annotations
        if image.width and _extends_outside(annotation, image)
    ]


def check_pairs(facts: Facts) -> list[Finding]:
    """Defects annotated twice, and defects of two types on the same pixels; ignore regions may overlap them."""
    findings = []
    for image in facts.images:
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
    for i in range(len(boxes)):
        rest = slice(i + 1, None)
        across = (left[rest] < right[i]) & (right[rest] > left[i])
        shared = across & (top[rest] < bottom[i]) & (bottom[rest] > top[i])
        for j in np.flatnonzero(shared).tolist():
            yield i, i + 1 + j


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


def check_speckle(facts: Facts, limits: Limits) -> list[Finding]:
    """Components with fewer than `limits.max_speckle` pixels."""
    findings = []
    for image in (image for image in facts.images if image.width):
        for annotation in filter(_has_area, image.defects):
            smallest = _smallest_component(annotation, image)
            if smallest < limits.max_speckle:
                findings.append(Finding(image.name, annotation.where, "speckle", f"{smallest:g} px"))
    return findings


def check_small(facts: Facts, limits: Limits) -> list[Finding]:
    """Boxes with a side under `limits.min_side` pixels at a longer image side of `limits.imgsz` pixels."""
    findings = []
    for image in facts.images:
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


def _smallest_component(annotation: AnnotationFacts, image: ImageFacts) -> float:
    rle = _rle(annotation, image)
    if rle is None or not rle_area(rle):
        return annotation.area
    return min(part.area for part in components(rle_to_component(rle).pixels))
