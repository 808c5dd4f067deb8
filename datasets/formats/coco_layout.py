"""Find the COCO instance files of a folder and the split of each of them.

Known layouts: our dataset folders, COCO 2017, CVAT (instances_default.json and subsets), Roboflow
(train, valid, test with _annotations.coco.json each), Label Studio (result.json), FiftyOne (data, labels.json),
supervision, Detectron2, MMDetection, Datumaro, and any folder with COCO files.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from datasets.coco import SPLITS
from system.errors import InputError, OptionError
from system.files import read_file

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
KNOWN_NAMES = re.compile(r"^(instances|image_info)_|_annotations\.coco$|^(labels|result|annotations)$")
OTHER_TASKS = re.compile(r"^(captions|panoptic|person_keypoints|stuff)_")
PREFIXES = re.compile(r"^(instances|image_info|annotations)_")
MAX_UNKNOWN_FILES = 50  # JSON files with other names that are opened to see whether they are COCO


class CocoPart(msgspec.Struct, frozen=True):
    """One COCO file; `split` is None if no name states it, `tag` is its name for a folder of images."""

    file: Path
    split: str | None
    tag: str


def looks_like_coco(path: Path) -> bool:
    """Whether `path` is a folder with a COCO instance file in one of the known places."""
    return path.is_dir() and bool(_files_in(path))


def find_coco_parts(path: Path, named: Sequence[str] = ()) -> list[CocoPart]:
    """The COCO files of `path`, a file or a folder, sorted by split and name.

    `named` are the "split=file" items of `--splits`, which take precedence over names. Raises InputError without a
    COCO file, or if the names of only some files contain a split, and OptionError for a wrong item of `named`.
    """
    if named:
        return [_named_part(path, text) for text in named]
    if path.is_file():
        return [CocoPart(path, split_of_name(path.stem), _tag(path))]
    if not path.exists():
        raise InputError(path, "no such file or folder", "name a COCO file or a folder with one")
    parts = [CocoPart(file, split_of_file(file, path), _tag(file)) for file in _files_in(path)]
    if not parts:
        raise InputError(path, "contains no COCO file (*.json with images and annotations)", "name the COCO file")
    without = [part for part in parts if part.split is None]
    if without and len(without) < len(parts):
        name = without[0].file.relative_to(path).as_posix()
        problem = f"the name {name} contains no split, but those of {len(parts) - len(without)} other files do"
        raise InputError(path, problem, f"state the split of every file, such as --splits train={name}")
    order = {split: i for i, split in enumerate(SPLITS)}
    return sorted(parts, key=lambda part: (order.get(part.split or "", 0), str(part.file)))


def split_of_file(file: Path, root: Path) -> str | None:
    """The split named by `file`, or else by the folders between it and `root`; None if there is none."""
    folders = file.parent.relative_to(root).parts
    return next(filter(None, map(split_of_name, [file.stem, *reversed(folders)])), None)


def split_of_name(name: str) -> str | None:
    """The split that a name states: train, val or test, also as in valid, train2017, test-dev2017; or None.

    >>> split_of_name("instances_val2017"), split_of_name("valid"), split_of_name("instances_default")
    ('val', 'val', None)
    """
    words = (word.strip("0123456789") for word in re.split(r"[^0-9A-Za-z]+", name.lower()))
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)


def _named_part(path: Path, text: str) -> CocoPart:
    name, equals, file_name = text.partition("=")
    split = SPLIT_WORDS.get(name.strip().lower())
    if not equals or split is None or not file_name:
        raise OptionError(f"--splits {text}", "not of the form split=file", "give one such as --splits val=b.json")
    inside = path / file_name if path.is_dir() else path.parent / file_name
    file = inside if inside.is_file() else Path(file_name)
    if not file.is_file():
        raise OptionError(f"--splits {text}", f"no such file in {path}", "correct the name of the file")
    return CocoPart(file, split, _tag(file))


def _tag(file: Path) -> str:
    return PREFIXES.sub("", file.stem)


def _files_in(root: Path) -> list[Path]:
    """The COCO files in the first known place that has any."""
    for folders in ([root / "annotations"], [root], sorted(p for p in root.iterdir() if p.is_dir())):
        coco_files = [file for folder in folders for file in _files_of(folder)]
        if coco_files:
            return coco_files
    return []


def _files_of(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = sorted(file for file in folder.glob("*.json") if not file.name.startswith(".") and file.is_file())
    known = [file for file in files if KNOWN_NAMES.search(file.stem)]
    others = [file for file in files if file not in known] if len(files) <= MAX_UNKNOWN_FILES + len(known) else []
    instances = [file for file in known if file.stem.startswith("instances_")]
    if instances:  # the other files are other tasks on the same images, or images without annotations
        splits = {split_of_name(file.stem) for file in instances}
        infos = (file for file in known if file.stem.startswith("image_info_"))
        return instances + [file for file in infos if split_of_name(file.stem) not in splits]
    coco_files = [file for file in known if _is_coco(file)] + [file for file in others if _is_coco(file)]
    return _of_one_task(coco_files)


def _of_one_task(files: Iterable[Path]) -> list[Path]:
    """The files of one task, because other tasks list the same images; files without a task name come first."""
    coco_files = list(files)
    tasks = [match[1] if (match := OTHER_TASKS.match(file.stem)) else "" for file in coco_files]
    return [file for file, task in zip(coco_files, tasks, strict=True) if task == min(tasks)]


def _is_coco(file: Path) -> bool:
    """Whether the top level of a JSON file has the keys of COCO; in a damaged file they may occur anywhere."""
    data = read_file(file)
    if b'"images"' not in data or not (b'"annotations"' in data or b'"categories"' in data):
        return False
    try:
        keys = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return False
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
    return "images" in keys and ("annotations" in keys or "categories" in keys)
