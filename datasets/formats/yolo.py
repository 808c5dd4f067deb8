"""YOLO dataset folders as value types: `data.yaml`, pictures in `images/`, one line per instance in `labels/`.

Coordinates are normalised: divided by the width and height of the upright picture. Classes count from 0.
Source: https://docs.ultralytics.com/datasets/detect and `check_det_dataset`, `img2label_paths`,
`verify_image_label` of ultralytics 8.4, whose reading of a folder is followed here.
"""

import os.path
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from datasets.coco import SPLITS
from datasets.images.image_file import is_image
from system.errors import InputError
from system.files import write_atomic

DATA_YAML = "data.yaml"
TOLERANCE = 0.01  # Ultralytics takes coordinates this far outside 0..1


class Label(msgspec.Struct, frozen=True):
    """One line of a label file: `values` are centre x and y, width, height, or else x1, y1, x2, y2, x3, y3, ..."""

    class_index: int
    values: tuple[float, ...]

    @property
    def is_box(self) -> bool:
        """Whether it says a box and no segment."""
        return len(self.values) == 4


class YoloImage(msgspec.Struct, frozen=True):
    """A picture and where its label file belongs; `relative` is its name inside the folder of its split."""

    path: Path
    labels: Path
    relative: str
    split: str


class YoloDataset(msgspec.Struct, frozen=True):
    """A dataset folder: class names in order, images sorted by split and name.

    `stand_ins` is split -> the split whose pictures it names for want of its own.
    """

    root: Path
    names: tuple[str, ...]
    images: tuple[YoloImage, ...]
    folders: dict[str, list[Path]]
    stand_ins: dict[str, str] = {}


def looks_like_yolo(path: Path) -> bool:
    """Whether `path` is a YOLO dataset folder or the YAML file of one."""
    return (path / DATA_YAML).is_file() or (path.suffix in {".yaml", ".yml"} and path.is_file())


def label_path(image: Path) -> Path:
    """Where Ultralytics looks for the labels of `image`: its last folder `images` is `labels`, its ending .txt."""
    path = image if "images" in image.parts[:-1] else image.absolute()
    folders = list(path.parts[:-1])
    if "images" in folders:
        folders[len(folders) - 1 - folders[::-1].index("images")] = "labels"
    return Path(*folders, path.name).with_suffix(".txt")


def read_yolo(path: Path, *, strict: bool = True) -> YoloDataset:
    """List a dataset folder, or the one a YAML file describes; no label file is read.

    If `strict`, splits that name the same folders count once, and an InputError is raised where a picture is
    listed twice else or two share a label file. Raises InputError.
    """
    file = path / DATA_YAML if path.is_dir() else path
    described = _read_yaml(file)
    names = _names(file, described)
    root = _root(file, described)
    folders: dict[str, list[Path]] = {}
    for split in SPLITS:
        value = described.get(split, described.get("validation") if split == "val" else None)
        if value:
            folders[split] = [_resolve(file, root, split, part) for part in _parts(file, split, value)]
    stand_ins = _stand_ins(folders) if strict else {}
    own = {split: parts for split, parts in folders.items() if split not in stand_ins}
    images = [image for split, parts in own.items() for part in parts for image in _list(part, root, split)]
    if not images:
        raise InputError(file, "no picture in the folders it names", "check train, val and test")
    if strict:
        _check_once(images)
    return YoloDataset(file.parent, names, tuple(images), folders, stand_ins)


def name_folders(splits: Iterable[str]) -> dict[str, str]:
    """The folder of pictures to name for each split, where only those in `splits` have any.

    Ultralytics demands train and val: one without pictures names those of another split, the first that has some.
    """
    having = set(splits)
    used = [split for split in SPLITS if split in having]
    wanted = [split for split in SPLITS if split != "test" or split in used]
    return {split: f"images/{split if split in used or not used else used[0]}" for split in wanted}


def _stand_ins(folders: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    """Each split that names the folders of another, which is that of the folder's name or else the first."""
    home: dict[tuple[Path, ...], str] = {}
    for split, parts in folders.items():
        key = tuple(part.resolve() for part in parts)
        if key not in home or key[0].name == split:
            home[key] = split
    return {
        split: home[key]
        for split, parts in folders.items()
        if home[key := tuple(part.resolve() for part in parts)] != split
    }


def read_labels(path: Path, classes: int) -> list[Label]:
    """Read one label file of a dataset with that many classes. Raises InputError naming file, line and value."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(path, "not a text file", "write one line per instance") from None
    lines = enumerate(text.splitlines(), 1)
    return [parse_label(f"{path}:{number}", line, classes) for number, line in lines if line.strip()]


def parse_label(where: str, line: str, classes: int) -> Label:
    """Read one line; coordinates up to 1 % outside the picture pass, as in Ultralytics. Raises InputError."""
    label = parse_columns(where, line, classes)
    check_coordinates(where, label)
    return label


def parse_columns(where: str, line: str, classes: int) -> Label:
    """Read one line, whose coordinates may be any numbers. Raises InputError."""
    words = line.split()
    if len(words) != 5 and (len(words) < 7 or len(words) % 2 == 0):
        raise InputError(where, f"{len(words)} columns", "give 5 for a box, or 7, 9, 11, ... for a segment")
    try:
        first, *values = (float(word) for word in words)
    except ValueError:
        raise InputError(where, f"not numbers: {line.strip()[:60]!r}", "write class and coordinates") from None
    if not first.is_integer():
        raise InputError(where, f"class {words[0]} is no whole number", "classes count from 0")
    if not 0 <= first < classes:
        raise InputError(where, f"class {words[0]} is not in 0..{classes - 1}", "list it in names of data.yaml")
    return Label(int(first), tuple(values))


def check_coordinates(where: str, label: Label) -> None:
    """Raise InputError where a coordinate is more than 1 % outside the picture, or a box has no size."""
    for value in label.values:
        if not -TOLERANCE <= value <= 1 + TOLERANCE:
            raise InputError(
                where, f"coordinate {value:.9g} is outside 0..1", "divide by the picture's width and height"
            )
    if label.is_box and min(label.values[2:]) < 0:
        told = "a box of size {:g} x {:g}".format(*label.values[2:])
        raise InputError(where, told, "sizes are not negative")


def format_label(label: Label) -> str:
    """The line of `label`, with 9 decimals: more than a 32-bit float keeps, a thousandth of a pixel at 10^6."""
    return " ".join([str(label.class_index), *(_digits(value) for value in label.values)])


def write_labels(path: Path, lines: Iterable[str]) -> None:
    """Write a label file; without lines it is empty, which makes its image a negative."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_data_yaml(root: Path, names: Sequence[str], folders: Mapping[str, str]) -> None:
    """Write `data.yaml` into `root`; `folders` is split -> folder of its images, relative to `root`.

    There is no `path` in it: Ultralytics then starts from the YAML file itself, whatever the working directory
    and its own settings are, and the folder can be moved.
    """
    import yaml

    described = {**folders, "names": dict(enumerate(names))}
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True)
    write_atomic(root / DATA_YAML, text.encode("utf-8"))


def _digits(value: float) -> str:
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _read_yaml(file: Path) -> dict[str, Any]:
    import yaml

    try:
        described = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(file, "no such file", "name a YOLO dataset folder with a data.yaml") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InputError(file, f"not valid YAML: {' '.join(str(error).split())}", "write it anew") from None
    if not isinstance(described, dict):
        raise InputError(file, "not a YOLO dataset description", "it needs train, val and names")
    return described


def _names(file: Path, described: Mapping[str, Any]) -> tuple[str, ...]:
    names = described.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise InputError(file, "names is missing or no list of class names", "add names: {0: first, 1: second}")
    if sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        raise InputError(file, f"names has the classes {', '.join(map(str, names))}", "number them 0, 1, 2, ...")
    by_index = {int(index): str(name) for index, name in names.items()}
    ordered = tuple(by_index[i] for i in range(len(by_index)))
    if len(set(ordered)) < len(ordered):
        raise InputError(file, f"a class name occurs twice in {', '.join(ordered)}", "make the names different")
    count = described.get("nc", len(ordered))
    if count != len(ordered):
        raise InputError(file, f"nc is {count}, but {len(ordered)} names are given", "correct one of them")
    return ordered


def _root(file: Path, described: Mapping[str, Any]) -> Path:
    path = described.get("path") or "."
    if not isinstance(path, str):
        raise InputError(file, f"path {path!r} is no folder", "leave it out to start from the YAML file")
    root = file.parent / path
    if not _holds(root.is_dir):
        raise InputError(file, f"path {path} is no folder beside it", "leave it out to start from the YAML file")
    return root


def _parts(file: Path, split: str, value: object) -> list[str]:
    parts: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        raise InputError(file, f"{split} {value!r} is no folder", "name one, or a list of them")
    return parts


def _resolve(file: Path, root: Path, split: str, part: str) -> Path:
    # Roboflow writes ../train/images and means train/images; Ultralytics mends that and so do we.
    for candidate in (part, part.removeprefix("../"), _with_slashes(part)):
        if _holds((root / candidate).exists):
            return root / candidate
    raise InputError(file, f"{split} {part} does not exist", "correct the path; it starts from the YAML file")


def _with_slashes(path: str) -> str:
    """A path as Windows writes it, in the words of every system."""
    return path.replace("\\", "/")


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (OSError, ValueError):  # no name that a file could have
        return False


def _list(folder: Path, root: Path, split: str) -> list[YoloImage]:
    if folder.is_dir():
        files = sorted(p for p in folder.rglob("*") if is_image(p) and p.is_file() and not _hidden(p, folder))
        return [YoloImage(p, label_path(p), p.relative_to(folder).as_posix(), split) for p in files]
    try:
        lines = folder.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(folder, f"{split} is no folder and no list of pictures", "correct the path") from None
    listed = [line.strip() for line in lines if line.strip()]
    images = []
    for line in sorted(listed):
        said = line if _holds((folder.parent / line).exists) else _with_slashes(line)
        path = Path(os.path.normpath(folder.parent / said))
        base = Path(os.path.normpath(root))
        if not path.is_relative_to(base) or not _holds(path.is_file):
            raise InputError(folder, f"lists {line}, which is no picture inside {root}", "correct the list")
        images.append(YoloImage(path, label_path(path), path.relative_to(base).as_posix(), split))
    return images


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _check_once(images: Sequence[YoloImage]) -> None:
    home: dict[Path, str] = {}
    labels: dict[Path, Path] = {}
    for image in images:
        path = image.path.resolve()
        if path in home:
            raise InputError(image.path, f"in {home[path]} and in {image.split}", "keep it in one split, once")
        if image.labels in labels:
            raise InputError(
                image.path, f"has the same label file as {labels[image.labels].name}", "rename one of the pictures"
            )
        home[path] = image.split
        labels[image.labels] = image.path
