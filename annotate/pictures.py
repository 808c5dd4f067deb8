"""The pictures of a folder that people label, and the labelme file that stands for each."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from datasets.formats.labelme import SUFFIX, LabelmeFile, read_labelme
from datasets.formats.labelme_document import Document, new_document, read_document
from datasets.formats.labelme_images import list_tree
from datasets.images.image_file import read_info
from system.errors import InputError


class Picture(msgspec.Struct, frozen=True, order=True):
    """A picture: `name` is relative to the folder `root`, with forward slashes; `labelled`: has JSON."""

    root: Path
    name: str
    labelled: bool

    @property
    def path(self) -> Path:
        """Where the picture lies."""
        return self.root / self.name

    @property
    def label_path(self) -> Path:
        """Where labelme keeps its shapes: beside it, of the same name, with the suffix .json."""
        return self.path.with_suffix(SUFFIX)


def list_labelled(root: Path) -> list[Picture]:
    """The pictures below `root` by name. Raises InputError where there is none, or two share a labelme file."""
    tree = list_tree(root)
    if not tree.pictures:
        raise InputError(root, "no picture in this folder", "name a folder with PNG, JPEG, BMP or TIFF files")
    files = set(tree.files)
    owner: dict[str, str] = {}
    found = []
    for name in sorted(tree.pictures):
        label = _label_name(name)
        if label in owner:
            raise InputError(
                root / name, f"labelme would keep its shapes in the file of {owner[label]}", "rename one of them"
            )
        owner[label] = name
        found.append(Picture(root, name, label in files))
    return found


def read_labels(pictures: Iterable[Picture]) -> dict[str, LabelmeFile]:
    """The labelme file of each picture that has one, by the picture's name. Raises InputError."""
    return {picture.name: read_labelme(picture.label_path) for picture in pictures if picture.labelled}


def open_document(picture: Picture) -> Document:
    """The labelme file of `picture` for editing, a new one where there is none. Raises InputError."""
    if picture.label_path.exists():
        return read_document(picture.label_path)
    height, width = upright_size(picture.path)
    return new_document(picture.label_path, picture.path.name, height, width)


def upright_size(path: Path) -> tuple[int, int]:
    """Height and width of a picture in pixels, upright by its EXIF orientation, as labelme shows it."""
    info = read_info(path)
    return (info.width, info.height) if info.orientation >= 5 else (info.height, info.width)


def picture_size(picture: Picture, file: LabelmeFile) -> tuple[int, int]:
    """Height and width in pixels as the labelme file says, of the picture itself where it does not."""
    if file.image_height and file.image_width:
        return file.image_height, file.image_width
    return upright_size(picture.path)


def choose_pictures(only: str, pictures: Sequence[Picture]) -> list[Picture]:
    """What --only says: a picture, by its name in the folder or its path, or those of a list. Raises
    InputError.
    """
    by_name = {picture.name: picture for picture in pictures}
    name = only if only in by_name else _name_below(Path(only), pictures)
    if name in by_name:
        return [by_name[name]]
    if not Path(only).is_file():
        problem = "neither a picture of the folder nor a list of some"
        raise InputError(only, problem, "name a picture, or make a list with annotate queue")
    return read_list(Path(only), pictures)


def read_list(path: Path, pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures that the text file `path` names, one a line, in its order. Raises InputError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise InputError(path, "no such file", "make it with annotate queue") from None
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 text: {error}", "save it as UTF-8") from None
    by_name = {picture.name: picture for picture in pictures}
    chosen = []
    for line in filter(None, map(str.strip, lines)):
        if line not in by_name:
            raise InputError(path, f"{line} is no picture of the folder", "make the list anew with annotate queue")
        chosen.append(by_name[line])
    if not chosen:
        raise InputError(path, "the list is empty", "there is nothing to open")
    return chosen


def _name_below(path: Path, pictures: Sequence[Picture]) -> str:
    root = pictures[0].root.resolve() if pictures else Path()
    absolute = path.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else ""


def _label_name(name: str) -> str:
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{file.rpartition('.')[0]}{SUFFIX}"
