"""Which folders are labelled in place: not the folders that defectline itself writes."""

from pathlib import Path

from datasets.formats.dataset_folder import looks_like_dataset
from system.errors import InputError

RUN_FILES = ("config.yaml", "split.json")


def check_label_folder(root: Path) -> None:
    """Raise InputError for a dataset folder, whose masks would count as images, and for a run folder."""
    if looks_like_dataset(root):
        remedy = f"name a folder of images, or correct the dataset with annotate correct {root} IMAGES"
        raise InputError(root, "a dataset folder, not one of images and labelme files", remedy)
    if all((root / name).is_file() for name in RUN_FILES):
        raise InputError(root, "a run folder, not one of images and labelme files", "name a folder of images")
