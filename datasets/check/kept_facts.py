"""What stays in memory of an image after its own checks, for the checks of the whole dataset."""

from functools import lru_cache

from msgspec.structs import replace

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, ImageFacts

NO_FINDINGS: list[Finding] = []


def without_shapes(image: ImageFacts) -> ImageFacts:
    """`image` with annotations that have only a type, whether they are ignored, and whether they have a mask.

    Annotations that agree in these are one object, so that a dataset of many images takes little memory.
    """
    kept = [_kept(a.category, a.is_ignored, a.segmentation is not None) for a in image.annotations]
    return replace(image, annotations=kept)


def without_findings(image: ImageFacts) -> ImageFacts:
    """`image` as `without_shapes` returns it, and without its findings, which are kept elsewhere."""
    return replace(without_shapes(image), findings=NO_FINDINGS)


@lru_cache(maxsize=10_000)
def _kept(category: str, is_ignored: bool, has_mask: bool) -> AnnotationFacts:
    return AnnotationFacts("", category, (0, 0, 0, 0), 0, [] if has_mask else None, is_ignored)
