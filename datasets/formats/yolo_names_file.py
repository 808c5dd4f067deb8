"""YOLO folders without `data.yaml`: `obj.data` of darknet and CVAT, `classes.txt` of Label Studio and labelImg."""

from pathlib import Path

from datasets.coco import SPLITS
from datasets.formats.class_list import read_class_list
from datasets.formats.split_names import exact_split_name, split_of_folder
from datasets.formats.yolo_description import (
    DARKNET_LIST,
    YoloDescription,
    darknet_lists,
    find_below,
    read_lines,
)
from datasets.images.image_file import is_image
from system.errors import InputError


def read_obj_data(file: Path) -> YoloDescription:
    """Read darknet's description, whose paths may start with a folder that does not exist. Raises InputError."""
    lines = (line.partition("=") for line in read_lines(file))
    described = {key.strip(): value.strip() for key, _, value in lines}
    names_file = find_below(file.parent, described.get("names", "obj.names"))
    if names_file is None:
        raise InputError(file, f"names {described.get('names')} does not exist", "put obj.names next to it")
    parts: dict[str, list[Path]] = {}
    notes = []
    for key, value in described.items():
        split = exact_split_name(key)
        if split is None or not value:
            continue
        found = find_below(file.parent, value)
        if found is None:
            raise InputError(file, f"{key} {value} does not exist", "put the list of images next to it")
        parts.setdefault(split, []).append(found)
        if key not in {*SPLITS, "valid"}:  # darknet's own word
            notes.append(("split-alias", f"{key}, read as {split}"))
    names, prefixes = read_class_list(names_file)
    files = (names_file, *(path for found in parts.values() for path in found))
    return YoloDescription(file, file.parent, names, parts, 0, files, (*notes, *prefixes), labels_beside=True)


def read_names_only(root: Path, file: Path) -> YoloDescription:
    """Describe a folder with images, labels and a list of class names; folders named like splits are the splits.

    Raises InputError.
    """
    names, prefixes = read_class_list(file)
    for other in darknet_lists(root) if file.name == DARKNET_LIST else []:
        if read_class_list(other)[0] != names:
            problem = f"its class names differ from those in {file.relative_to(root).as_posix()}"
            raise InputError(other, problem, "export all splits from one version of the dataset")
    base = root / "images" if (root / "images").is_dir() else root
    found = sorted(path for path in base.rglob("*") if is_image(path) and path.is_file())
    if not found:
        raise InputError(root, f"class names in {file.name}, but no images", "put the images into images/")
    parts: dict[str, list[Path]] = {}
    without: list[Path] = []
    for path in found:
        relative = path.relative_to(base)
        split = split_of_folder(relative.as_posix())
        if split is None:
            without.append(path)
        else:
            depth = next(i for i, name in enumerate(relative.parts) if exact_split_name(name))
            folder = base.joinpath(*relative.parts[: depth + 1])
            if folder not in parts.setdefault(split, []):
                parts[split].append(folder)
    if without and parts:
        name = without[0].relative_to(root)
        problem = f"{name} is not in the folder of a split, but others are in {', '.join(parts)}"
        raise InputError(root, problem, "move it into one, or write a data.yaml")
    notes = prefixes if parts else (*prefixes, ("no-splits", "every image is in train"))
    parts = {split: parts[split] for split in SPLITS if split in parts} or {"train": [base]}
    return YoloDescription(file, root, names, parts, 0, (file,), notes, labels_beside=True)
