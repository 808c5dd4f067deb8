"""Names of files that must stay distinguishable when each gets a mask or label file of its own."""

import posixpath
from collections.abc import Iterable, Iterator

from system.errors import InputError, raise_first


def find_same_stems(file_names: Iterable[str], what: str = "pixel mask") -> Iterator[InputError]:
    """An error for each image whose `what` would be that of another, as of a.jpg and a.png in one folder."""
    seen: dict[str, str] = {}
    for file_name in file_names:
        stem = posixpath.splitext(file_name)[0]
        if stem in seen:
            problem = f"its {what} name is ambiguous with that of {seen[stem]}"
            yield InputError(file_name, problem, "rename one of the images")
        else:
            seen[stem] = file_name


def check_stems(file_names: Iterable[str], what: str = "pixel mask") -> None:
    """Raise the first error of `find_same_stems`."""
    raise_first(find_same_stems(file_names, what))
