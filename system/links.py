"""Check links in a received folder: a link that points out of it must not bring other files into the output."""

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from system.errors import InputError


def check_inside(path: Path | str, folders: Iterable[Path]) -> None:
    """Raise InputError if `path` is, or is in, a link that points out of all `folders`.

    A missing file is accepted. Each folder is resolved once per process, or task of a cluster. For a file that is
    not a link, only its folder is resolved.
    """
    folder, name = os.path.split(path)
    real = os.path.realpath(path) if os.path.islink(path) else os.path.join(_real(folder), name)  # noqa: PTH114, PTH118  many files
    if not any(real.startswith(_real(os.fspath(one)).rstrip(os.sep) + os.sep) for one in folders):
        raise InputError(
            path, f"a link that points outside the folder, to {real}", "copy the file into the folder"
        )


def check_own_folder(folder: Path) -> None:
    """Raise InputError if `folder`, in which a run is written, is a link: it would lead out of the run."""
    if folder.is_symlink():
        real = os.path.realpath(folder)
        raise InputError(folder, f"a link to {real}, so a file would be written there", "replace it by a folder")


def forget_folders() -> None:
    """Resolve every folder again: links may have changed since, in a process that runs for days."""
    _resolved.cache_clear()


def _real(folder: str) -> str:
    return _resolved(os.path.abspath(folder))  # noqa: PTH100  another current folder has other relative paths


@lru_cache(4096)
def _resolved(folder: str) -> str:
    return os.path.realpath(folder)
