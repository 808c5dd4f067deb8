"""What `datasets check` keeps of an image: enough for the checks of the whole dataset, and little memory."""

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts, ImageFacts
from datasets.check.kept_facts import without_findings, without_shapes
from datasets.coco import Rle

MASK = Rle((8, 8), "0" * 1000)


def image(*annotations: AnnotationFacts) -> ImageFacts:
    return ImageFacts("a.png", "val", False, list(annotations), [Finding("a.png", "", "speckle", "1 px")], 8, 8)


def test_types_ignore_regions_and_boxes_without_mask_are_kept() -> None:
    found = without_shapes(
        image(
            AnnotationFacts("annotation 1", "dent", (1, 2, 3, 4), 9, MASK),
            AnnotationFacts("annotation 2", "chip", (2, 2, 3, 3), 9, None, is_ignored=True),
        )
    )
    assert [(a.category, a.box, a.is_ignored) for a in found.annotations] == [
        ("dent", (0, 0, 0, 0), False),
        ("chip", (2, 2, 3, 3), True),
    ]
    assert [a.segmentation is None for a in found.annotations] == [False, True]
    assert (found.name, found.split, found.width, found.findings) == ("a.png", "val", 8, image().findings)


def test_masks_of_one_type_are_one_object_in_all_images() -> None:
    first, second = (without_findings(image(AnnotationFacts(w, "dent", (1, 1, 2, 2), 4, MASK))) for w in "12")
    assert first.annotations[0] is second.annotations[0]
    assert first.findings is second.findings == []
    assert without_shapes(first) == first
