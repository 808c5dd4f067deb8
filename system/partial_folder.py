"""The hidden folder that a new dataset or run is written to, and what killed processes left of such folders."""

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from system.swap import partial_prefix


def new_partial(dest: Path) -> tuple[Path, int | None]:
    """An empty folder beside `dest` and its lock.

    The folder gets a name that other processes clean up only after it is locked. The lock is removed with it.
    """
    while True:
        fresh = Path(tempfile.mkdtemp(prefix=_new_prefix(dest), dir=dest.parent))
        lock = lock_folder(fresh)
        partial = fresh.with_name(partial_prefix(dest) + fresh.name.rpartition("-")[2])
        try:
            fresh.rename(partial)
            return partial, lock
        except FileNotFoundError:  # another process took it for one of a killed process, before it was locked
            if lock is not None:
                os.close(lock)


def _new_prefix(dest: Path) -> str:
    return f".{dest.name}.new-"


def remove_stale(dest: Path) -> None:
    """Remove what killed processes left of `new_partial(dest)` and of a folder that `swap_in` replaced.

    The lock of a process is released at its end.
    """
    for left in _abandoned(dest, partial_prefix(dest)):
        shutil.rmtree(left, ignore_errors=True)
    for empty in _abandoned(dest, _new_prefix(dest)):
        with suppress(OSError):
            empty.rmdir()


def _abandoned(dest: Path, prefix: str) -> Iterator[Path]:
    """Folders beside `dest` whose names begin with `prefix` and that no process holds; locked until the next."""
    for left in dest.parent.glob(f"{glob.escape(prefix)}*"):
        lock = lock_folder(left)
        if lock is not None:
            yield left
            os.close(lock)


def lock_folder(folder: Path) -> int | None:
    """The lock of a folder, to be closed; None if another process holds it or the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
