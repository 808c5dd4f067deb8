"""Faults of a whole COCO export, stated alike by the conversions from COCO and by `datasets check`."""

from collections.abc import Iterable
from pathlib import Path

from system.errors import InputError


def nothing_labelled(path: Path, images: int) -> InputError:
    """The error of an export whose COCO files label none of its images."""
    problem = f"nothing is labelled: {images} images, no annotations, no categories"
    remedy = "name the file with the annotations, or give coco2coco --unlabelled negative if all images are good"
    return InputError(path, problem, remedy)


def check_crowd(path: Path, iscrowd: Iterable[int]) -> None:
    """Raise InputError if there are annotations and all of them are ignore regions."""
    annotations = list(iscrowd)
    if annotations and all(annotations):
        problem = (
            f"all {len(annotations)} annotations are ignore regions (iscrowd 1), from which a model cannot learn"
        )
        remedy = "give --crowd instance if each is one defect, as CVAT's brush masks are, or --crowd ignore"
        raise InputError(path, problem, remedy)


def check_for_yolo(path: Path, categories: int, images: int) -> None:
    """Raise InputError for a dataset without a category or without an image."""
    if not categories or not images:
        missing = "image" if categories else "category"
        raise InputError(path, f"no {missing}, which Ultralytics requires", "name another file")
