"""`data.yaml` of YOLO folders, as Ultralytics and Roboflow write it and as Ultralytics reads it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from datasets.coco import SPLITS
from datasets.formats.class_list import without_index
from datasets.formats.split_names import exact_split_name
from datasets.formats.unnamed_splits import find_unnamed_splits
from datasets.formats.yolo_description import DATA_YAML, YoloDescription, check_names, exists, holds
from system.errors import InputError
from system.files import write_atomic
from system.yaml_file import read_yaml

NO_SPLITS = {"path", "names", "nc", "download", "roboflow", "kpt_shape", "flip_idx", "kpt_names", "license"}


def name_folders(splits: Iterable[str]) -> dict[str, str]:
    """The folder of images that data.yaml names for each split; only those in `splits` have images.

    Ultralytics requires train and val: one without images gets the folder of the first split that has some.
    """
    having = set(splits)
    used = [split for split in SPLITS if split in having]
    wanted = [split for split in SPLITS if split != "test" or split in used]
    return {split: f"images/{split if split in used or not used else used[0]}" for split in wanted}


def write_data_yaml(root: Path, names: Sequence[str], folders: Mapping[str, str]) -> None:
    """Write `data.yaml` into `root`; `folders` is split -> folder of its images, relative to `root`.

    The file has no `path`: Ultralytics then resolves paths from the YAML file, independent of the working
    directory and of its settings, and the folder can be moved.
    """
    import yaml

    described = {**folders, "names": dict(enumerate(names))}
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True)
    write_atomic(root / DATA_YAML, text.encode("utf-8"))


def read_data_yaml(file: Path) -> YoloDescription:
    """Read the YAML file that describes a YOLO folder. Raises InputError."""
    try:
        described, texts = read_yaml(file, "correct it")
    except FileNotFoundError:
        raise InputError(file, "no such file", "name a YOLO dataset folder with a data.yaml") from None
    if not isinstance(described, dict):
        raise InputError(file, "not a YOLO dataset description", "it needs train, val and names")
    names, notes = _names(file, described, texts)
    root = _root(file, described)
    parts: dict[str, list[Path]] = {}
    unread: list[Path] = []
    for key, value in described.items():
        if not isinstance(key, str) or key in NO_SPLITS or not value:
            continue
        split = exact_split_name(key)
        if key in SPLITS or (split is not None and not described.get(split) and split not in parts):
            split = split or key
            parts[split] = [_resolve(file, root, key, part) for part in _strings(file, key, value)]
            if key not in SPLITS and key != "validation":  # which Ultralytics reads itself
                notes.append(("split-alias", f"{key}, read as {split}"))
        elif folders := _named_images(root, value):
            notes.append(("unknown-split", f"{key}: {value}"))
            unread += folders
    unnamed = find_unnamed_splits(file.parent, [*unread, *chain.from_iterable(parts.values())])
    notes += [("unnamed-split", name) for name in unnamed]
    ordered = {split: parts[split] for split in SPLITS if split in parts}
    return YoloDescription(file, root, names, ordered, _keypoint_columns(file, described), (), tuple(notes))


def _names(file: Path, described: Mapping[str, Any], texts: Any) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    names, count = described.get("names"), described.get("nc")
    if names is None and isinstance(count, int) and not isinstance(count, bool) and count > 0:
        return tuple(f"class_{i}" for i in range(count)), [("names-made", f"nc is {count}, and names is missing")]
    if isinstance(names, list):
        if any(isinstance(name, dict | list) for name in names):
            raise InputError(
                file, f"names has the entry {names[0]!r}, not a name", "write names: {0: first, 1: second}"
            )
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise InputError(file, "names is missing or not a list of class names", "add names: {0: first, 1: second}")
    if sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        raise InputError(
            file, f"names has the class numbers {', '.join(map(str, names))}", "number them 0, 1, 2, ..."
        )
    text = texts["names"]
    if len(text) != len(names):  # 0 and 00 are one class
        raise InputError(
            file, f"names has the class numbers {', '.join(map(str, text))}", "number them 0, 1, 2, ..."
        )
    by_index = {int(i): value for i, value in (text.items() if isinstance(text, dict) else enumerate(text))}
    ordered = tuple(str(by_index[i]) for i in range(len(by_index)))
    ordered, notes = without_index(file, ordered) if isinstance(text, list) else (ordered, ())
    check_names(file, ordered)
    if count is not None and count != len(ordered):
        raise InputError(file, f"nc is {count}, but {len(ordered)} names are given", "correct one of them")
    return ordered, list(notes)


def _keypoint_columns(file: Path, described: Mapping[str, Any]) -> int:
    shape = described.get("kpt_shape")
    if shape is None:
        return 0
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(n) is int and n > 0 for n in shape):
        raise InputError(file, f"kpt_shape {shape!r} is not [keypoints, values of each]", "correct it")
    return int(shape[0] * shape[1])


def _root(file: Path, described: Mapping[str, Any]) -> Path:
    path = described.get("path") or "."
    if not isinstance(path, str):
        raise InputError(file, f"path {path!r} is not a folder", "leave it out if paths start from the YAML file")
    root = file.parent / path
    if not holds(root.is_dir):
        raise InputError(
            file, f"path {path} is not a folder next to it", "leave it out if paths start from the YAML file"
        )
    return root


def _strings(file: Path, key: str, value: object) -> list[str]:
    parts: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        raise InputError(file, f"{key} {value!r} is not a folder", "name one, or a list of them")
    return parts


def _named_images(root: Path, value: object) -> list[Path]:
    """The folders and lists that exist and that a value names, as a split does."""
    parts = value if isinstance(value, list) else [value]
    found = (_candidate(root, part) for part in parts if isinstance(part, str) and part)
    return [path for path in found if path is not None]


def _resolve(file: Path, root: Path, key: str, part: str) -> Path:
    found = _candidate(root, part)
    if found is None:
        raise InputError(file, f"{key} {part} does not exist", "correct the path, which starts from the YAML file")
    return found


def _candidate(root: Path, part: str) -> Path | None:
    # Roboflow writes ../train/images and means train/images; Ultralytics corrects that too
    candidates = (part, part.removeprefix("../"), part.replace("\\", "/"))
    return next((root / name for name in candidates if exists(root / name)), None)
