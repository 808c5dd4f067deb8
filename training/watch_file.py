"""The file of `predict --watch`: one JSON document per line, written once, and read again after a restart."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from datasets.coco import Prediction
from system.console import print_status
from system.errors import InputError, OptionError, OutputError, first_line
from system.files import check_regular
from system.system_fault import naming

SUFFIX = ".jsonl"


class WatchedImage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: an image and its predictions in COCO results form, or the `error` for which it could not be read.

    `file_name` is relative to the watched folder, `id` counts lines from 1, `size` is in bytes, and `modified` is
    the time of the last change in nanoseconds. `sha256` is that of the file, `model` the run_identity of the run.
    """

    id: int
    file_name: str
    size: int
    modified: int
    sha256: str = ""
    width: int = 0
    height: int = 0
    predictions: list[Prediction] = []
    error: str = ""
    model: str = ""


class WatchFile:
    """The open file; `lines` are those of earlier starts without their predictions.

    `written` is the time of the last change of the file before it was opened, in nanoseconds.
    """

    def __init__(self, path: Path, handle: int, lines: Sequence[WatchedImage]) -> None:
        self.path = path
        self.lines = list(lines)
        self._handle = handle
        status = os.fstat(handle)
        self.written, self._end = status.st_mtime_ns, status.st_size
        self._count = max((line.id for line in lines), default=0)
        self._known = {(line.file_name, line.sha256) for line in lines if line.sha256}

    def has(self, file_name: str, sha256: str) -> bool:
        """Whether the image was predicted with this content."""
        return (file_name, sha256) in self._known

    def next_id(self) -> int:
        """The id of the next line."""
        return self._count + 1

    def add(self, line: WatchedImage) -> None:
        """Append a line and wait until it is on the disk.

        Raises OutputError as `check_unchanged`, and OSError; both leave no part of the line.
        """
        self.check_unchanged()
        data = msgspec.json.encode(line) + b"\n"
        try:
            with naming(self.path):
                written = 0
                while written < len(data):
                    written += os.write(self._handle, data[written:])
                os.fsync(self._handle)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._handle, self._end)
            raise
        self._end += len(data)
        self._count = line.id
        if line.sha256:
            self._known.add((line.file_name, line.sha256))

    def check_unchanged(self) -> None:
        """Raise OutputError if the path names no file any more, another one, or one without exactly our lines."""
        own = os.fstat(self._handle)
        try:
            unchanged = os.path.samestat(own, self.path.stat()) and own.st_size == self._end
        except OSError:
            unchanged = False
        if not unchanged:
            remedy = "start again: images that are not in the file are then predicted"
            raise OutputError(self.path, "another program changed, moved or removed it", remedy)


def check_watch(
    folder: Path, out: Path | None, images: Sequence[Path], others: Sequence[str], model: str = ""
) -> None:
    """Raise OptionError for what cannot be used with `--watch`: images, the flags `others` and no `--out`.

    `model` is the run_identity of the run. Raises InputError if `folder` is not a folder, or `out` cannot be
    continued, as where another model wrote it.
    """
    if images:
        raise OptionError("--watch", "images are named too", "leave the images out, or copy them into the folder")
    if others:
        raise OptionError(others[0], "not available with --watch", f"leave {others[0]} out")
    file = check_watch_file(out)
    if not folder.is_dir():
        raise InputError(folder, "not a folder", "make it first, or name another with --watch")
    try:
        import watchfiles  # noqa: F401
    except ImportError:
        raise OptionError("--watch", "needs watchfiles", 'install it: pip install "defectline[watch]"') from None
    if file.exists():
        with open_watch_file(file) as results:
            if another := next((line for line in results.lines if line.model not in ("", model)), None):
                problem = f"line {another.id} is of another model ({another.model}, now {model})"
                raise InputError(file, problem, "name another file with --out")


def check_watch_file(out: Path | None) -> Path:
    """`--out` of `--watch`. Raises OptionError without it, and if it is not the name of a file of JSON lines."""
    if out is None:
        raise OptionError("--watch", "needs a file for the predictions", f"give --out found{SUFFIX}")
    if out.suffix != SUFFIX:
        problem = "--watch writes one JSON document per line"
        raise OptionError(f"--out {out}", problem, f"name a file that ends in {SUFFIX}")
    return out


@contextmanager
def open_watch_file(path: Path) -> Iterator[WatchFile]:
    """Open or create the file for one process, and read what earlier starts wrote.

    A last line that was cut off (a kill, a power cut) is removed, so its image is predicted again. Raises
    InputError if another process has the file, or a line is not one of `--watch`.
    """
    try:
        if path.exists():
            check_regular(path)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    except OSError as error:
        raise InputError(path, f"cannot be opened ({error.strerror})", "name another file with --out") from None
    try:
        _lock(path, handle)
        yield WatchFile(path, handle, list(_read(path, handle)))
    finally:
        os.close(handle)


def _read(path: Path, handle: int) -> Iterator[WatchedImage]:
    decoder = msgspec.json.Decoder(WatchedImage)
    end = 0
    with os.fdopen(os.dup(handle), "rb") as file:
        file.seek(0)
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                print_status(f"{path}: line {number} was cut off and is removed")
                break
            try:
                decoded = decoder.decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                problem = f"line {number} is not one of predict --watch ({first_line(error, 80)})"
                raise InputError(path, problem, "name another file with --out") from None
            end += len(line)
            yield msgspec.structs.replace(decoded, predictions=[])
    status = os.fstat(handle)
    if status.st_size > end:
        os.ftruncate(handle, end)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # which WatchFile.written compares


def _lock(path: Path, handle: int) -> None:
    """Take the lock of the file, which the system releases when the process ends. Raises InputError."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(path, "another process writes it", "end that, or name another file with --out") from None
    except OSError:  # a file system without locks
        return
