"""The names that other tools give to the splits."""

import posixpath
from collections.abc import Iterable

SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def split_of_name(name: str) -> str | None:
    """train, val or test where a tool means one of them by `name`, else None.

    >>> split_of_name("Valid")
    'val'
    """
    return SPLIT_OF.get(name.strip().lower())


def split_of_folder(path: str) -> str | None:
    """The split that the first such folder in a relative path names, else None.

    >>> split_of_folder("valid/a.xml"), split_of_folder("test.xml")
    ('val', None)
    """
    folders: Iterable[str] = posixpath.dirname(path).split("/")
    return next((split for folder in folders if (split := split_of_name(folder))), None)
