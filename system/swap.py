"""Rename a finished folder into place without replacing anything unchecked."""

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from system.errors import OutputError


def swap_in(partial: Path, dest: Path, checked: tuple[int, int] | None) -> None:
    """Rename `partial` to `dest`, and replace the folder there if it is still `checked` (device and inode).

    The system refuses to rename over a folder with files, in the same atomic step. Raises OutputError if something
    else is now at `dest`.
    """
    if checked is None:
        _rename_to_new(partial, dest)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{dest.name}.old-", dir=dest.parent))
    aside = old / dest.name
    try:
        if identity(dest) != checked:
            raise _appeared(dest)
        dest.rename(aside)
        try:
            if identity(aside) != checked:  # exchanged between the two lines above
                raise _appeared(dest)
            _rename_to_new(partial, dest)
        except BaseException:
            aside.rename(dest)
            raise
    except BaseException:
        with suppress(OSError):
            old.rmdir()  # fails if it still contains the user's folder
        raise
    replaced = old.with_name(partial_prefix(dest) + old.name.removeprefix(f".{dest.name}."))
    old.rename(replaced)  # the next command removes it, if this process is killed before the end
    shutil.rmtree(replaced, ignore_errors=True)


def partial_prefix(dest: Path) -> str:
    """How the names of folders beside `dest` begin that may be removed when no process has locked them."""
    return f".{dest.name}.partial-"


def _rename_to_new(partial: Path, dest: Path) -> None:
    try:
        if os.name == "nt":  # only there, a rename fails on an empty folder
            with suppress(FileNotFoundError):
                dest.rmdir()
        partial.rename(dest)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            raise _appeared(dest) from None
        raise


def _appeared(dest: Path) -> OutputError:
    problem = "something else was written there while this command ran, and is left unchanged"
    return OutputError(dest, problem, "look at it, then choose another destination or run this again")


def identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode of a folder, None if the folder does not exist."""
    try:
        status = folder.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
