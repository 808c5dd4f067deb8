"""Write a file that has no name until it is complete, so that a killed process leaves nothing (Linux)."""

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

PARTIAL = "defectline-partial"
WAIT = 0.5  # seconds for another process to finish renaming
UNSUPPORTED = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT, errno.EPERM, errno.EXDEV}


def write_unnamed(path: Path, data: bytes) -> bool:
    """Write `data` to an unnamed file of the folder of `path`, then give it the name `path`.

    A new name is given in one step. To replace a file, the complete file first gets the name
    `.NAME.defectline-partial` and is renamed at once. A process that is killed between these two calls of the
    system leaves this name; the next write to `path` removes it. A process holds a lock on its file, so that no
    other process removes it.

    False, without a trace, if the system or the file system cannot do this. Raises OSError, such as for a full
    disk.
    """
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None:
        return False
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            handle = os.open(".", flag | os.O_WRONLY, 0o666, dir_fd=folder)
        except OSError as error:
            if error.errno in UNSUPPORTED:
                return False
            raise
        try:
            _write_all(handle, data)
            return _give_name(handle, folder, path.name)
        finally:
            os.close(handle)
    finally:
        os.close(folder)


def _write_all(handle: int, data: bytes) -> None:
    written = 0
    while written < len(data):  # a nearly full device writes only a part
        written += os.write(handle, memoryview(data)[written:])


def _give_name(handle: int, folder: int, name: str) -> bool:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _link(handle, folder, name):
            return True
        partial = f".{name}.{PARTIAL}"
        end = time.monotonic() + WAIT
        while not _link(handle, folder, partial):
            if not _remove_left(partial, folder) and time.monotonic() > end:
                return False
    except OSError as error:
        if error.errno in UNSUPPORTED | {errno.ENAMETOOLONG, errno.EWOULDBLOCK, errno.ENOLCK}:
            return False
        raise
    try:
        os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial, dir_fd=folder)
        raise
    return True


def _link(handle: int, folder: int, name: str) -> bool:
    """Give an open file a name; False if the name is in use."""
    try:
        os.link(f"/proc/self/fd/{handle}", name, dst_dir_fd=folder, follow_symlinks=True)
    except FileExistsError:
        return False
    return True


def _remove_left(partial: str, folder: int) -> bool:
    """Remove the file that a killed process left; False, after a short wait, if a process still holds its lock."""
    import fcntl

    try:
        left = os.open(partial, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
        named, held = os.stat(partial, dir_fd=folder, follow_symlinks=False), os.fstat(left)
        if stat.S_ISREG(held.st_mode) and (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino):
            os.unlink(partial, dir_fd=folder)
    except (BlockingIOError, FileNotFoundError):
        time.sleep(0.001)
        return False
    finally:
        os.close(left)
    return True
