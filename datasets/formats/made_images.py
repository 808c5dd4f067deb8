"""Images that a command made from other images of a dataset, known by the folder of their file name.

They show pixels of training images, so they must stay in train: a new split could test on what was trained on.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from datasets.coco import Image
from datasets.formats.dataset_folder import Dataset
from system.errors import InputError

PASTED = "paste"  # folder of images made by pasting defects
OVERSAMPLED = "oversample"  # folder of images made between two images of a type


def is_made(file_name: str) -> bool:
    """Whether an image was made from other images."""
    return file_name.partition("/")[0] in {PASTED, OVERSAMPLED} and "/" in file_name


def first_made(file_names: Iterable[str]) -> str | None:
    """The first image that was made from others."""
    return next((name for name in file_names if is_made(name)), None)


def check_none_made(dataset: Dataset, problem: str, remedy: str) -> None:
    """Raise InputError if the dataset has an image that was made from others; `problem` ends the message."""
    names = (image.file_name for coco in dataset.splits.values() for image in coco.images)
    if made := first_made(names):
        raise InputError(dataset.root, f"contains images made from others ({made}), {problem}", remedy)


def check_have_places(root: Path, file_names: Iterable[str]) -> None:
    """Raise InputError for an image made for its type: its box is the whole image, not where a defect is."""
    made = next((name for name in file_names if name.startswith(f"{OVERSAMPLED}/")), None)
    if made is not None:
        problem = f"{made} shows a type of defect but not where it is"
        raise InputError(root, problem, "use the dataset that it was made from")


def tested_content(dataset: Dataset, images: Sequence[Image]) -> set[str]:
    """The file names of those `images` whose files have the same bytes as an image of val or test."""
    tested = {dataset.sha256(image) for split in ("val", "test") for image in dataset.images(split)}
    return {image.file_name for image in images if dataset.sha256(image) in tested} if tested else set()
