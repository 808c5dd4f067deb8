"""Errors of the operating system that the user can fix, such as a full disk, in words."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from system.errors import OperatingSystemError

LACK_OF_MEMORY = re.compile(
    "[Cc]an(no|')t allocate memory|[Ff]ailed to allocate memory|not enough memory|Insufficient memory|bad_alloc"
)
FULL = {errno.ENOSPC, errno.EDQUOT}
USER_ERRORS = {
    errno.ENOSPC: "no space left on the device; free some space or choose another destination",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another destination",
    errno.EFBIG: "the file would be too large; raise the limit with ulimit -f, or choose another file system",
    errno.ELOOP: "a loop of links; remove the link or choose another path",
    errno.EROFS: "the file system is read-only; choose another destination",
    errno.EACCES: "permission denied; check who owns it or choose another path",
    errno.EPERM: "operation not permitted; check who owns it or choose another path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EMFILE: "too many open files; raise the limit with ulimit -n",
    errno.EISDIR: "a folder where a file is needed; choose another path",
    errno.ENOTDIR: "a file where a folder is needed; choose another path",
    errno.ENOENT: "no such file or folder; check the path",
}


@contextmanager
def naming(path: Path, *, nameless: bool = True) -> Iterator[None]:
    """Errors of a full disk name `path`, to which the block writes.

    With `nameless`, so do errors that name no file. A failed write() names none, and a failed copy the file that
    it reads. A block that reads other files, too, is not `nameless`: a failed read() names none either.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL or (nameless and error.errno and not error.filename):
            error.filename = str(path)
        raise


def on_worker(error: OSError, worker: str) -> None:
    """Note that an error occurred on the worker of a cluster at this address; the note is pickled with it."""
    vars(error)["worker"] = worker


def system_fault(error: Exception, *, debug: bool) -> OperatingSystemError | None:
    """The error in words, None for one that the user cannot fix; with `debug`, lack of memory is one of these."""
    if isinstance(error, OSError) and error.errno in USER_ERRORS:
        problem, _, remedy = USER_ERRORS[error.errno].partition("; ")
        if worker := vars(error).get("worker"):
            problem += f" (worker {worker})"
        return OperatingSystemError(error.filename or "output", problem, remedy)
    if debug or isinstance(error, OSError) or not is_lack_of_memory(error):
        return None
    return OperatingSystemError(
        "memory", "not enough", "close other programs, or give smaller images or fewer --jobs"
    )


def is_lack_of_memory(error: Exception) -> bool:
    """Whether memory ran out, also if PyTorch or OpenCV reports it or the system killed a worker process."""
    return isinstance(error, MemoryError) or bool(LACK_OF_MEMORY.search(str(error)))
