"""Whether an image that was found by its name alone is in another folder than its annotations state.

Folders of another machine, and prefixes that tools add, do not exist here: they prove nothing. But an image in a
folder of another split, or outside a folder of the stated name that does exist here, is another image.
"""

from collections.abc import Collection, Sequence

from datasets.formats.split_names import exact_split_name


def contradicting_folder(stated: Sequence[str], found: Sequence[str], known: Collection[str]) -> str | None:
    """The folder in the path `stated` that the path `found` contradicts, None if there is none.

    Both are the folders of a path, in order, with case folded; `known` are the names of folders with images.

    >>> contradicting_folder(["x", "crack"], ["dent"], {"crack", "dent"})
    'crack'
    >>> contradicting_folder(["home", "me"], ["dent"], {"dent"}) is None
    True
    >>> contradicting_folder(["train"], ["valid"], {"valid"})
    'train'
    """
    if not stated or stated[-1] in found:
        return None
    if stated[-1] in known:
        return stated[-1]
    of_stated, of_found = _split_folder(stated), _split_folder(found)
    if of_stated and of_found and exact_split_name(of_stated) != exact_split_name(of_found):
        return of_stated
    return None


def _split_folder(folders: Sequence[str]) -> str | None:
    return next((folder for folder in reversed(folders) if exact_split_name(folder)), None)


def folder_problem(name: str, found: str, folder: str) -> str:
    """The words for an image `name` that was only found at `found`, outside `folder`."""
    return f"its image {name} is missing in the folder {folder}; {found} is another image"
