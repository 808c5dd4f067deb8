"""A run is trained by one process at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from system.errors import InputError
from system.swap import identity

_HELD: dict[Path, int] = {}  # run folders whose lock this process has, with the open folder


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of the run folder `root`; raises as `hold`."""
    hold(root)
    try:
        yield
    finally:
        release(root)


def hold(root: Path) -> None:
    """Take the lock of the run folder `root`, unless this process has it. Raises InputError if another has it.

    The system releases it when the process ends, however it ends. Without such locks (Windows, some network file
    systems) nothing is checked.
    """
    try:
        import fcntl
    except ImportError:
        return
    path = root.resolve()
    if path in _HELD:
        status = os.fstat(_HELD[path])
        if (status.st_dev, status.st_ino) == identity(path):
            return
        release(root)  # of a folder that was removed
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        problem = "another process is training this run"
        raise InputError(root, problem, "wait until it ends, or end it") from None
    except OSError:  # a file system without locks
        os.close(handle)
        return
    _HELD[path] = handle


def release(root: Path) -> None:
    """Release the lock of `root` where this process has it."""
    handle = _HELD.pop(root.resolve(), None)
    if handle is not None:
        os.close(handle)
