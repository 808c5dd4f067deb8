"""What stays in memory of an image after its own checks, for the checks of the whole dataset."""

from functools import lru_cache

from msgspec.structs import replace

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, ImageFacts
from datasets.coco import Box

NO_FINDINGS: list[Finding] = []
NO_BOX: Box = (0, 0, 0, 0)


def without_shapes(image: ImageFacts) -> ImageFacts:
    """`image` with annotations that have only a type, whether they are ignored, and a box or a note of a mask.

    Annotations that agree in these are one object, so that a dataset of many masks takes little memory.
    """
    kept = [
        _without_mask(a.category, a.box, a.is_ignored)
        if a.segmentation is None
        else _with_mask(a.category, a.is_ignored)
        for a in image.annotations
    ]
    return replace(image, annotations=kept)


def without_findings(image: ImageFacts) -> ImageFacts:
    """`image` as `without_shapes` returns it, and without its findings, which are kept elsewhere."""
    return replace(without_shapes(image), findings=NO_FINDINGS)


@lru_cache(maxsize=10_000)
def _with_mask(category: str, is_ignored: bool) -> AnnotationFacts:
    return AnnotationFacts("", category, NO_BOX, 0, [], is_ignored)


def _without_mask(category: str, box: Box, is_ignored: bool) -> AnnotationFacts:
    return AnnotationFacts("", category, box, 0, None, is_ignored)
