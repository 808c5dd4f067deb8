"""Folders and lists named exactly like a split; coco_layout finds splits inside longer names."""

import posixpath
from collections.abc import Iterable

from datasets.formats.coco_layout import SPLIT_WORDS


def exact_split_name(name: str) -> str | None:
    """train, val or test if `name` is a usual name of that split, otherwise None.

    >>> exact_split_name("Valid")
    'val'
    """
    return SPLIT_WORDS.get(name.strip().lower())


def split_of_folder(path: str) -> str | None:
    """The split named by the first folder of a relative path that is named like a split, else None.

    >>> split_of_folder("valid/a.xml"), split_of_folder("test.xml")
    ('val', None)
    """
    folders: Iterable[str] = posixpath.dirname(path).split("/")
    return next((split for folder in folders if (split := exact_split_name(folder))), None)
