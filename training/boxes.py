"""What no training learns from: boxes outside of their image, and images made without boxes."""

from collections.abc import Iterable
from pathlib import Path

from datasets.coco import Annotation, Image
from datasets.formats.dataset_folder import Dataset, annotation_path
from datasets.formats.made_images import check_have_places
from evaluate.run_folder import Run
from system.errors import InputError


def check_boxes(dataset: Dataset, task: str) -> None:
    """Raise InputError for a box that has no part of its image, in any split.

    Also if images made for types of images would train a model that finds defects in images.
    """
    if not Run(dataset.root, task).provides.image_types:
        check_have_places(dataset.root, (image.file_name for image in dataset.images("train")))
    for split, coco in dataset.splits.items():
        by_image = coco.by_image()
        for image in coco.images:
            check_inside(by_image[image.id], image, annotation_path(dataset.root, split))


def check_inside(annotations: Iterable[Annotation], image: Image, path: Path) -> None:
    """Raise InputError for a box of `annotations`, in the file `path`, that has no part of `image`."""
    for annotation in annotations:
        x, y, w, h = annotation.bbox
        if x >= image.width or y >= image.height or x + w <= 0 or y + h <= 0:
            problem = (
                f"the box {[x, y, w, h]} of annotation {annotation.id} is outside its image {image.file_name}"
            )
            raise InputError(path, problem, "correct or remove it; `datasets check` lists all of them")
