"""Names of files that are the same to another file system, or to a program."""

import posixpath
import unicodedata
from collections.abc import Iterable, Iterator

from system.errors import InputError, raise_together


def fold_path(path: str) -> str:
    """`path` with case and Unicode form normalised, as case-insensitive file systems compare names.

    >>> fold_path("A/B.PNG")
    'a/b.png'
    """
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def fold_stem(file_name: str) -> str:
    """The folded name without ending; spaces before the ending and at the end of folders do not count either.

    Windows and macOS compare names this way or drop such spaces, and people do not see the difference.
    """
    stem = fold_path(posixpath.splitext(file_name)[0])
    return "/".join(part.rstrip() for part in stem.split("/")) if " " in stem else stem


def find_ambiguous_names(file_names: Iterable[str]) -> Iterator[tuple[str, InputError]]:
    """The earlier image and an error for each image whose `fold_stem` an earlier one has.

    Pixel masks, label files and labelme files have the name of the image with another ending, so a.jpg and a.png
    of one folder have one mask; A.png and a.png are one file on Windows and macOS.
    """
    seen: dict[str, str] = {}
    for file_name in file_names:
        other = seen.setdefault(fold_stem(file_name), file_name)
        if other is not file_name:
            problem = f"its name differs from {other} only in {_difference(file_name, other)}"
            yield other, InputError(file_name, problem, "rename one of the images")


def find_same_stems(file_names: Iterable[str]) -> Iterator[InputError]:
    """The errors of `find_ambiguous_names`."""
    return (error for _, error in find_ambiguous_names(file_names))


def check_stems(file_names: Iterable[str]) -> None:
    """Raise InputError with all errors of `find_same_stems`."""
    raise_together(find_same_stems(file_names))


def _difference(one: str, other: str) -> str:
    """What the names differ in."""
    stems = [posixpath.splitext(name)[0] for name in (one, other)]
    if stems[0] == stems[1]:
        return "the extension"
    stems = [unicodedata.normalize("NFC", stem) for stem in stems]
    if stems[0] == stems[1]:
        return "the Unicode form (NFC or NFD)"
    if fold_path(stems[0]) == fold_path(stems[1]):
        return "upper and lower case"
    return "spaces at the end and case"
