"""Find the image of a COCO entry: layouts of other tools, their path prefixes, both Unicode forms."""

import os.path
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from datasets.formats.coco_layout import SPLIT_WORDS, CocoPart
from datasets.formats.file_names import fold_path
from datasets.formats.other_folder import contradicting_folder
from datasets.images.ending import ending_of
from datasets.images.image_file import SUFFIXES, is_image, read_start
from system.errors import InputError
from system.files import is_file

SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://[^/]*|[A-Za-z]:)/")
IMAGE_FOLDERS = ("images", "data", "JPEGImages")


class FoundImage(msgspec.Struct, frozen=True):
    """An image file; `name` is its name in the dataset, `moved` whether the entry states another path."""

    path: Path
    name: str
    moved: bool


def plain_name(file_name: str) -> str:
    """`file_name` with forward slashes, without drive, scheme and leading slashes, and without `.` and `..`.

    >>> plain_name("images\\\\1/x.png"), plain_name("../img/x.png"), plain_name("s3://bucket/a/x.png")
    ('images/1/x.png', 'img/x.png', 'a/x.png')
    """
    plain = SCHEME.sub("", file_name.replace("\\", "/")).lstrip("/")
    return "/".join(part for part in plain.split("/") if part not in ("", ".", ".."))


def image_folders(part: CocoPart, root: Path, given: Path | None) -> list[Path]:
    """Folders that may contain the images of the COCO file `part` of `root`, in search order.

    With `given` (`--images`), only that folder and its folders for the split. Above the COCO file only folders
    with the usual names of image folders count, because other files there may be unrelated.
    """
    names = [part.tag, *(word for word, split in SPLIT_WORDS.items() if split == part.split)]
    if given is not None:
        return [given, *_existing(given / name for name in names)]
    near = part.file.parent
    is_top = near == root and near.name != "annotations"
    bases = [near] if is_top else [near, near.parent]
    inside = [base / folder for base in bases for folder in IMAGE_FOLDERS]
    by_split = [base / name for base in (*inside, *bases) for name in names]
    return list(dict.fromkeys([near, *_existing(inside), *_existing(by_split)]))


def own_folders(source: Path, parts: Iterable[CocoPart]) -> list[Path]:
    """The folders of the COCO source: the folder itself, or those where the images of a file may be."""
    if source.is_dir():
        return [source]
    return [folder for part in parts for folder in image_folders(part, source, None)]


def find_image(folders: Sequence[Path], file_name: str) -> FoundImage | None:
    """Find the image file of an entry with `file_name` in `folders`; None if there is none.

    The whole name is tried in every folder first, then the name without its first folders, because tools write
    prefixes that their archives do not contain. Names are compared in both Unicode forms. A name without an image
    extension also matches the file with one. An image whose folder contradicts (see `contradicting_folder`) is
    another one.
    """
    name = plain_name(file_name)
    if name.isascii() and is_image(name):  # nearly every name: only one spelling is possible
        for folder in folders:
            if os.path.isfile(f"{folder}/{name}"):  # noqa: PTH113  many files
                return FoundImage(folder / name, name, False)
    parts = PurePosixPath(name).parts
    for start in range(len(parts)):
        shorter = "/".join(parts[start:])
        for folder in folders:
            for spelt in _spellings(shorter):
                path = folder / spelt
                if is_file(path) and not (start and _is_elsewhere(path, folders, parts[:start])):
                    return FoundImage(path, _dataset_name(name, shorter, spelt), start > 0 or spelt != shorter)
    return None


def _is_elsewhere(path: Path, folders: Sequence[Path], stated: Sequence[str]) -> bool:
    """Whether the image at `path`, found without the folders `stated` of its name, is outside of them."""
    known = {name for name in stated[-1:] if any((folder / name).is_dir() for folder in folders)}
    root = Path(os.path.commonpath(folders))
    inside = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    above = {folder.name for folder in folders if path.is_relative_to(folder)}
    found = [fold_path(part) for part in dict.fromkeys((*inside, *above))]
    return (
        contradicting_folder([fold_path(part) for part in stated], found, {fold_path(n) for n in known})
        is not None
    )


def missing_image(source: Path, file_name: str) -> InputError:
    """The error for an image of the COCO source `source` whose file is not found."""
    remedy = "name the folder of the images with --images"
    return InputError(file_name, f"listed in {source.name} but missing", remedy)


def ending_of_content(path: Path) -> str | None:
    """The extension that fits the first bytes of an image file, None if the format is unknown."""
    return ending_of(read_start(path, 8))


def _dataset_name(name: str, shorter: str, spelt: str) -> str:
    if unicodedata.normalize("NFC", spelt) == unicodedata.normalize("NFC", shorter):
        return shorter
    return spelt if shorter != name else name + PurePosixPath(spelt).suffix


def _spellings(name: str) -> Iterator[str]:
    yield name
    if not name.isascii():
        yield from {unicodedata.normalize(form, name) for form in ("NFC", "NFD")} - {name}
    if not is_image(name):
        yield from (name + suffix for suffix in sorted(SUFFIXES))


def _existing(folders: Iterable[Path]) -> list[Path]:
    return [folder for folder in folders if folder.is_dir()]
