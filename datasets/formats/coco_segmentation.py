"""Whether the segmentation of a COCO annotation can be drawn in its image."""

from datasets.coco import MAX_COORDINATE, Image, Rle, Segmentation
from system.errors import InputError


def check_drawable(where: str, image: Image, segmentation: Segmentation) -> None:
    """Raise InputError if the segmentation of the annotation at `where` does not fit the image or is not a
    polygon."""
    from datasets.masks.run_lengths import covers_image

    if isinstance(segmentation, Rle):
        if segmentation.size != (image.height, image.width):
            height, width = segmentation.size
            problem = f"a mask of {width} x {height} pixels in an image of {image.width} x {image.height}"
            raise InputError(where, problem, "correct the size")
        if not covers_image(segmentation, image.height, image.width):
            raise InputError(
                where,
                "the run lengths of its mask do not add up to the size of the image",
                "correct its segmentation",
            )
        return
    if any(len(p) < 6 or len(p) % 2 for p in segmentation):
        raise InputError(where, "a polygon is not a list of three or more x, y pairs", "correct its segmentation")
    if any(abs(v) > MAX_COORDINATE for polygon in segmentation for v in polygon):
        problem = f"a polygon has a coordinate above {MAX_COORDINATE:g} pixels"
        raise InputError(where, problem, "correct its segmentation")
