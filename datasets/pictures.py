"""Picture files that a user names to have predicted: found below folders, and told from those of a dataset."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.coco import Image
from datasets.formats.dataset_folder import Dataset
from datasets.images.image_file import is_image
from system.errors import InputError
from system.files import write_atomic


def list_pictures(paths: Sequence[Path]) -> list[Path]:
    """Picture files from files and folders, folders with what lies below them, sorted. Raises InputError."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if is_image(p) and p.is_file())
            if not below:
                raise InputError(
                    path, "no picture in this folder", "name a folder with PNG, JPEG, BMP or TIFF files"
                )
            files += below
        else:
            files.append(path)
    return list(dict.fromkeys(files))


def number_pictures(files: Sequence[Path], dataset: Dataset | None) -> list[int]:
    """The id of each file: that of the dataset's image if all files are such, else 1 to n in the order given."""
    if dataset is None:
        return list(range(1, len(files) + 1))
    known = {
        dataset.image_path(image).resolve(): image.id for coco in dataset.splits.values() for image in coco.images
    }
    ids = [known.get(file.resolve()) for file in files]
    found = [image_id for image_id in ids if image_id is not None]
    return found if len(found) == len(files) else list(range(1, len(files) + 1))


def write_picture_list(predictions: Path, images: Sequence[Image]) -> None:
    """Write NAME.images.json beside the COCO results NAME.json: which picture has which id, name and size."""
    write_atomic(predictions.with_suffix(".images.json"), msgspec.json.encode(list(images)) + b"\n")
