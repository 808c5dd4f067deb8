"""YOLO dataset folders: the images of each split, and the label file of each image.

Source: `check_det_dataset` and `img2label_paths` of ultralytics 8.4, which this module follows.
"""

import os.path
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from datasets.formats.file_names import fold_stem
from datasets.formats.yolo_data_yaml import read_data_yaml
from datasets.formats.yolo_description import (
    DATA_YAML,
    OBJ_DATA,
    YoloDescription,
    exists,
    find_below,
    find_description,
)
from datasets.formats.yolo_names_file import read_names_only, read_obj_data
from datasets.images.image_file import is_image
from system.errors import InputError, raise_together
from system.exclude import NOTHING, Excluder
from system.files import read_text


class YoloImage(msgspec.Struct, frozen=True):
    """An image and where its label file belongs; `relative` is its name inside the folder of its split.

    `event_code` is the code of an event if the label file was found under another name, else empty.
    """

    path: Path
    labels: Path
    relative: str
    split: str
    event_code: str = ""


class YoloDataset(msgspec.Struct, frozen=True):
    """A dataset folder: class names in order, images sorted by split and name.

    `folders` are the folders and lists of each split, `substitute_splits` is split without images -> the split
    whose images it names. `files` also has the label files of excluded images. The rest is as in YoloDescription,
    of the file `description`.
    """

    root: Path
    description: Path
    names: tuple[str, ...]
    images: tuple[YoloImage, ...]
    folders: dict[str, list[Path]]
    substitute_splits: dict[str, str] = {}
    keypoint_columns: int = 0
    files: frozenset[Path] = frozenset()
    notes: tuple[tuple[str, str], ...] = ()


def looks_like_yolo(path: Path) -> bool:
    """Whether `path` is a YOLO dataset folder or the file that describes one."""
    return find_description(path) is not None


def label_path(image: Path) -> Path:
    """Where Ultralytics looks for the labels of `image`: its last folder `images` becomes `labels`, its extension
    .txt."""
    path = image if "images" in image.parts[:-1] else image.absolute()
    folders = list(path.parts[:-1])
    if "images" in folders:
        folders[len(folders) - 1 - folders[::-1].index("images")] = "labels"
    return Path(*folders, path.name).with_suffix(".txt")


def read_yolo(path: Path, *, strict: bool = True, exclude: Excluder = NOTHING) -> YoloDataset:
    """List a dataset folder, or the one that the file `path` describes; no label file is read. Raises InputError.

    If `strict`, splits that name the same folders count once, and images that are otherwise listed twice or share
    a label file are an error. An image is excluded with its label file if `exclude` excludes either.
    """
    described = read_description(path)
    substitute_splits = _substitute_splits(described.parts)
    own = {split: parts for split, parts in described.parts.items() if not (strict and split in substitute_splits)}
    finder = _LabelFinder(described)
    listed = [
        image
        for split, parts in own.items()
        for part in parts
        for image in _list(part, described.root, split, finder)
    ]
    images = [image for image in listed if not _is_excluded(image, described.root, exclude)]
    excluded = {image.labels for image in listed} - {image.labels for image in images}
    if not images:
        raise InputError(described.file, "no images in the folders that it lists", "check train, val and test")
    if strict:
        raise_together(list(find_repeated(images)))
    return YoloDataset(
        described.file.parent if described.file.suffix in {".yaml", ".yml"} else described.root,
        described.file,
        described.names,
        tuple(images),
        described.parts,
        substitute_splits,
        described.keypoint_columns,
        frozenset(described.files) | excluded,
        described.notes,
    )


def read_description(path: Path) -> YoloDescription:
    """Read what describes the YOLO folder `path`, or the description `path`. Raises InputError."""
    file = find_description(path)
    if file is None:
        missing = path if path.suffix in {".yaml", ".yml"} else path / DATA_YAML
        remedy = "name a YOLO folder with data.yaml, obj.data, or classes.txt and labels"
        raise InputError(missing, "no such file", remedy)
    if file.suffix in {".yaml", ".yml"}:
        return read_data_yaml(file)
    if file.name == OBJ_DATA:
        return read_obj_data(file)
    return read_names_only(path, file)


class _LabelFinder:
    """Finds label files under their name or under the same name in another Unicode form (a zip made on a Mac)."""

    def __init__(self, described: YoloDescription) -> None:
        self._described = described
        self._folders: dict[Path, dict[str, Path]] = {}

    def find(self, image: Path) -> tuple[Path, str]:
        """The label file of an image, which may not exist, and the code of an event if it has another name."""
        wanted = [label_path(image)]
        if self._described.labels_beside:
            wanted.append(image.with_suffix(".txt"))
        for path in wanted:
            if path.is_file():
                return path, ""
        for path in wanted:
            found = self._same_name(path)
            if found is not None:
                return found, "unicode-form"
        return wanted[0], ""

    def _same_name(self, path: Path) -> Path | None:
        if path.name.isascii():
            return None
        if path.parent not in self._folders:
            files = path.parent.glob("*.txt") if path.parent.is_dir() else ()
            self._folders[path.parent] = {_composed(file.name): file for file in files}
        return self._folders[path.parent].get(_composed(path.name))


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _substitute_splits(folders: Mapping[str, Sequence[Path]]) -> dict[str, str]:
    """Each split with the folders of another split -> that split: the one with the folder's name, or else the
    first."""
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


def _is_excluded(image: YoloImage, root: Path, exclude: Excluder) -> bool:
    found = exclude.excludes(root, path_below(image.path, root))
    return (image.labels.is_file() and exclude.excludes(root, path_below(image.labels, root))) or found


def path_below(path: Path, root: Path) -> str:
    """The path below `root` with forward slashes, or the name alone where it is elsewhere."""
    path, root = Path(os.path.normpath(path.absolute())), Path(os.path.normpath(root.absolute()))
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _list(folder: Path, root: Path, split: str, finder: _LabelFinder) -> list[YoloImage]:
    if folder.is_dir():
        files = sorted(p for p in folder.rglob("*") if is_image(p) and p.is_file() and not _hidden(p, folder))
        return [_image(path, path.relative_to(folder), split, finder) for path in files]
    try:
        lines = read_text(folder).splitlines()
    except UnicodeDecodeError:
        raise InputError(folder, f"{split} is neither a folder nor a list of images", "correct the path") from None
    base = Path(os.path.normpath(root))
    images = []
    for line in sorted(line.strip() for line in lines if line.strip()):
        path = _listed(folder, base, line)
        if path is None:
            raise InputError(folder, f"lists {line}, which is not an image inside {root}", "correct the list")
        images.append(_image(path, path.relative_to(base), split, finder))
    return images


def _listed(file: Path, base: Path, line: str) -> Path | None:
    """The image on a line of a list; its path is relative to the list, or else to `base`."""
    slashes = line if exists(file.parent / line) else line.replace("\\", "/")
    path = Path(os.path.normpath(file.parent / slashes))
    if path.is_relative_to(base) and exists(path) and path.is_file():
        return path
    found = None if exists(path) else find_below(base, slashes)
    return found if found is not None and found.is_file() else None


def _image(path: Path, relative: Path, split: str, finder: _LabelFinder) -> YoloImage:
    labels, event_code = finder.find(path)
    return YoloImage(path, labels, relative.as_posix(), split, event_code)


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def dataset_names(images: Sequence[YoloImage]) -> list[str]:
    """Names inside the split's folder; if two splits have one `fold_stem`, every name begins with its split."""
    stems = {(image.split, fold_stem(image.relative)) for image in images}
    clash = len({stem for _, stem in stems}) < len(stems)
    return [f"{image.split}/{image.relative}" if clash else image.relative for image in images]


def find_repeated(images: Sequence[YoloImage]) -> Iterator[InputError]:
    """An error for each image that is listed a second time, and for each that shares its label file."""
    home: dict[Path, str] = {}
    labels: dict[Path, Path] = {}
    for image in images:
        path = image.path.resolve()
        if path in home:
            yield InputError(
                image.path, f"listed in {home[path]} and in {image.split}", "list it once, in one split"
            )
        elif image.labels in labels:
            problem = f"has the same label file as {labels[image.labels].name}"
            yield InputError(image.path, problem, "rename one of the images")
        else:
            labels[image.labels] = image.path
        home.setdefault(path, image.split)
