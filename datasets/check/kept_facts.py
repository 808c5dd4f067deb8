"""What stays in memory of an image after its own checks, for the checks of the whole dataset."""

import sys
from functools import lru_cache

from msgspec.structs import replace

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, ImageFacts
from datasets.coco import Box
from datasets.formats.yolo_suspicions import PoseEvidence

NO_FINDINGS: list[Finding] = []
NO_BOX: Box = (0, 0, 0, 0)


def without_shapes(image: ImageFacts) -> ImageFacts:
    """`image` with annotations that have only a type, whether they are ignored, and a box with its place, or a
    note of a mask.

    Annotations that agree in these are one object, so that a dataset of many masks takes little memory.
    """
    kept = [
        _without_mask(a.where, a.category, a.box, a.is_ignored)
        if a.segmentation is None
        else _with_mask(a.category, a.is_ignored, a.pose)
        for a in image.annotations
    ]
    return replace(image, annotations=kept)


def without_findings(image: ImageFacts) -> ImageFacts:
    """`image` as `without_shapes` returns it, and without its findings, which are kept elsewhere.

    Images with masks of the same types share their list.
    """
    kept = without_shapes(image).annotations
    if all(a.segmentation is not None for a in kept):
        kept = _with_masks(tuple((a.category, a.is_ignored, a.pose) for a in kept))
    return replace(image, split=sys.intern(image.split), annotations=kept, findings=NO_FINDINGS)


@lru_cache(maxsize=10_000)
def _with_masks(types: tuple[tuple[str, bool, PoseEvidence | None], ...]) -> list[AnnotationFacts]:
    return [_with_mask(*one) for one in types]


@lru_cache(maxsize=10_000)
def _with_mask(category: str, is_ignored: bool, pose: PoseEvidence | None) -> AnnotationFacts:
    return AnnotationFacts("", category, NO_BOX, 0, [], is_ignored, pose)


def _without_mask(where: str, category: str, box: Box, is_ignored: bool) -> AnnotationFacts:
    return AnnotationFacts(sys.intern(where), category, box, 0, None, is_ignored)
