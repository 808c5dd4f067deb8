"""Which images of a split are good."""

from datasets.coco import CocoFile, Image
from training.negatives import ImageChoice
from training.options import SharedOptions


def good_images(coco: CocoFile, options: SharedOptions | None = None) -> list[Image]:
    """The images of a split without any annotation. Images with only ignore regions may have defects."""
    del options
    annotated = {annotation.image_id for annotation in coco.annotations}
    return [image for image in coco.images if image.id not in annotated]


GOOD_IMAGES = ImageChoice("good image", good_images)
