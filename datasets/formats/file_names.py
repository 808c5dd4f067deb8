"""Check that images with separate mask or label files have distinct names."""

import posixpath
from collections.abc import Iterable, Iterator

from system.errors import InputError, raise_together


def find_same_stems(file_names: Iterable[str]) -> Iterator[InputError]:
    """An error for each image whose name differs from another's in the extension only, such as a.jpg and a.png.

    Their pixel masks, label files and labelme files would have the same name.
    """
    seen: dict[str, str] = {}
    for file_name in file_names:
        stem = posixpath.splitext(file_name)[0]
        if stem in seen:
            problem = f"its name differs from {seen[stem]} only in the extension"
            yield InputError(file_name, problem, "rename one of the images")
        else:
            seen[stem] = file_name


def check_stems(file_names: Iterable[str]) -> None:
    """Raise InputError with all errors of `find_same_stems`."""
    raise_together(list(find_same_stems(file_names)))
