"""The description of a YOLO folder: class names, and for each split folders or lists of images.

`yolo_data_yaml` reads it from `data.yaml` of Ultralytics and Roboflow, `yolo_names_file` from `obj.data` of
darknet and CVAT and from `classes.txt` of Label Studio and labelImg and `_darknet.labels` of Roboflow.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from datasets.formats.category_names import category_name
from system.errors import InputError
from system.files import read_text

DATA_YAML = "data.yaml"
OBJ_DATA = "obj.data"
DARKNET_LIST = "_darknet.labels"
NAMES_FILES = ("classes.txt", "labels/classes.txt", "images/classes.txt", "obj.names", DARKNET_LIST)


class YoloDescription(msgspec.Struct, frozen=True):
    """Class names in order, and split -> folders or lists of images below `root`.

    `file` is what was read. `keypoint_columns` is how many columns a line has beyond its box. `files` are text
    files that are not label files. `notes` are (code, value) of entries that were read in an unusual way or not at
    all. With `labels_beside`, labels are also looked for next to the images.
    """

    file: Path
    root: Path
    names: tuple[str, ...]
    parts: dict[str, list[Path]]
    keypoint_columns: int = 0
    files: tuple[Path, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    labels_beside: bool = False


def find_description(path: Path) -> Path | None:
    """The file that describes the YOLO folder `path`, or `path` itself where it is such a file; else None."""
    if path.suffix in {".yaml", ".yml"} or path.name == OBJ_DATA:
        return path if path.is_file() else None
    if (path / DATA_YAML).is_file():
        return path / DATA_YAML
    if (path / OBJ_DATA).is_file():
        return path / OBJ_DATA
    names_files = [path / name for name in NAMES_FILES if (path / name).is_file()] + darknet_lists(path)
    return next((file for file in names_files if _has_labels(path, file)), None)


def darknet_lists(root: Path) -> list[Path]:
    """The lists of class names that Roboflow writes into the folder of each split ("YOLO Darknet")."""
    return sorted(path for path in root.glob(f"*/{DARKNET_LIST}") if path.is_file())


def _has_labels(root: Path, names_file: Path) -> bool:
    """Whether a folder with a list of names also has label files; other tools write such lists too."""
    folders = [root / "labels", *root.glob("*/labels")]
    beside = (path for path in names_file.parent.glob("*.txt") if path != names_file)
    return any(folder.is_dir() for folder in folders) or any(beside)


def find_below(root: Path, name: str) -> Path | None:
    """The file or folder `name` below `root`, also without its first folders, which may be those of another
    machine."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    if ".." in parts:
        parts = parts[len(parts) - parts[::-1].index("..") :]
    for start in range(len(parts)):
        candidate = root.joinpath(*parts[start:])
        if exists(candidate):
            return candidate
    return None


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; no error for a name that no file can have."""
    return holds(path.exists)


def holds(check: Callable[[], bool]) -> bool:
    """The result of a check of a path, False for a name that no file can have."""
    try:
        return check()
    except (OSError, ValueError):
        return False


def read_lines(file: Path) -> list[str]:
    """The lines of a text file that are not blank. Raises InputError if it is not a file or not UTF-8."""
    try:
        lines = read_text(file).splitlines()
    except UnicodeDecodeError:
        raise InputError(file, "not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "correct the path") from None
    return [line.strip() for line in lines if line.strip()]


def check_names(file: Path, names: Sequence[str]) -> None:
    """Raise InputError if there is no class name, one is empty or occurs twice, compared by `category_name`."""
    if not names:
        raise InputError(file, "contains no class names", "write one per line")
    if not all(map(category_name, names)):
        problem = f"the name of class {[*map(category_name, names)].index('')} is empty"
        raise InputError(file, problem, "write a name for each class")
    if len({category_name(name) for name in names}) < len(names):
        raise InputError(file, f"a class name occurs twice in {', '.join(names)}", "make the names different")
