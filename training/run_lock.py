"""A run is trained by one process at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from system.errors import InputError


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of the run folder `root`. Raises InputError where another process has it.

    The system releases it when the process ends, however it ends. Without such locks (Windows, some network file
    systems) nothing is checked.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                root, "another process is training this run", "wait until it ends, or end it"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)
