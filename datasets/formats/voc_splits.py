"""The splits of a Pascal VOC folder: lists of image ids in `ImageSets/Main` or `ImageSets/Segmentation`."""

import posixpath
from pathlib import Path

from datasets.formats.split_names import exact_split_name
from datasets.images.image_file import SUFFIXES
from system.errors import InputError
from system.files import read_text


def read_image_sets(source: Path, kind: str = "Main") -> dict[str, str]:
    """The split of each image id by `ImageSets/<kind>/train.txt` and so on; trainval replaces a missing train."""
    folder = next((path for path in sorted(source.rglob("ImageSets")) if path.is_dir()), source / "ImageSets")
    folder = folder / kind if (folder / kind).is_dir() else folder
    lists = {path.stem.lower(): path for path in sorted(folder.glob("*.txt"))} if folder.is_dir() else {}
    named = {path: split for stem, path in lists.items() if (split := exact_split_name(stem))}
    if "train" not in named.values() and "trainval" in lists:
        named[lists["trainval"]] = "train"
    splits: dict[str, str] = {}
    for path, split in named.items():
        for image_id in _read_ids(path):
            if splits.get(image_id, split) != split:
                raise InputError(path, f"{image_id} is also in {splits[image_id]}", "keep it in one split")
            splits[image_id] = split
    return splits


def _read_ids(path: Path) -> list[str]:
    try:
        lines = read_text(path).splitlines()
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 text: {error}", "save it as UTF-8") from None
    return [_image_id(line.strip()) for line in lines if line.strip()]


def _image_id(line: str) -> str:
    """VOC writes the bare id, CVAT a path with an ending."""
    name = posixpath.basename(line)
    stem, ending = posixpath.splitext(name)
    return stem if ending.lower() in SUFFIXES else name
