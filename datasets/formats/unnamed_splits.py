"""Folders called like a split that a description of a YOLO folder does not name."""

import os.path
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets.formats.split_names import exact_split_name
from datasets.images.image_file import is_image


def find_unnamed_splits(root: Path, named: Sequence[Path]) -> Iterator[str]:
    """Folders of `root`, and of its folder `images`, in which there are images, in subfolders too.

    They are called like a split, and no folder of `named` is the same, above or below. If `named` has a list of
    images, which may be anywhere, nothing is found. Folders that cannot be read are passed over.
    """
    known = [os.path.normpath(path.absolute()) for path in named]
    if not all(map(os.path.isdir, known)):
        return
    for above in (root, root / "images"):
        for folder in _files(above):
            own = os.path.normpath(folder.absolute())
            if exact_split_name(folder.name) is None or any(_overlap(own, path) for path in known):
                continue
            if folder.is_dir() and any(map(is_image, folder.rglob("*"))):
                yield folder.relative_to(root).as_posix()


def _overlap(one: str, other: str) -> bool:
    """Whether one of two folders contains the other, or both are the same."""
    return Path(one).is_relative_to(other) or Path(other).is_relative_to(one)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # not a folder, or not readable
        return []
