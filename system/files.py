"""Atomic writes: write to a temporary sibling, then rename."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from system.errors import InputError, OutputError
from system.interrupts import defer_signals
from system.partial_folder import new_partial, remove_stale
from system.swap import identity, swap_in
from system.system_fault import naming
from system.unnamed_file import write_unnamed

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)  # O_BINARY: on Windows only
MAX_BYTES = 2**31  # of a file that is read into memory at once
MAX_WEIGHTS_BYTES = 2**33  # the largest published encoders have 5 GB
BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some editors write it before UTF-8 text


@contextmanager
def new_folder(dest: Path, *, overwrite: bool | None = False, marker: str = "dataset.json") -> Iterator[Path]:
    """Yield an empty temporary sibling of `dest` that becomes `dest` when the block ends without an error.

    With `overwrite`, a `dest` that is not empty is replaced, but only if it contains the file `marker`, which
    defectline writes. So a typing error cannot delete a folder of images.
    Raises OutputError like `check_destination`, and if another `dest` appeared during the block.
    """
    check_destination(dest, overwrite=overwrite, marker=marker)
    checked = identity(dest) if overwrite else None
    missing = [folder for folder in dest.parents if not folder.exists()]
    partial, lock = None, None
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        with defer_signals():
            remove_stale(dest)
            partial, lock = new_partial(dest)
            partial.chmod(0o777 & ~_umask())
        with naming(dest, nameless=False):
            yield partial
        with defer_signals():
            swap_in(partial, dest, checked)
    except BaseException:
        _end_workers()
        raise
    finally:
        with defer_signals():
            if partial is not None:
                shutil.rmtree(partial, ignore_errors=True)
            if lock is not None:
                os.close(lock)
            with suppress(OSError):  # not empty: it contains dest, or other files
                for folder in missing:
                    folder.rmdir()


def check_destination(dest: Path, *, overwrite: bool | None = False, marker: str = "dataset.json") -> None:
    """Raise OutputError unless `new_folder` would accept `dest`. Writes nothing.

    `overwrite` is None where the command has no such option; the message then does not advise it.
    """
    if dest.is_symlink() or (dest.exists() and not dest.is_dir()):
        raise OutputError(dest, "the destination is a file or a link", "name a folder that does not exist yet")
    above = next((path for path in dest.parents if path.is_symlink() or path.exists()), dest)
    if not above.is_dir() and above != dest:
        raise OutputError(dest, f"the destination would be inside {above}, which is not a folder", "name another")
    check_can_create(dest, above)
    if not dest.is_dir() or not any(dest.iterdir()):
        return
    if not overwrite:
        remedy = "choose another" if overwrite is None else "choose another or add --overwrite"
        raise OutputError(dest, "the destination exists and is not empty", remedy)
    if not (dest / marker).is_file():
        raise OutputError(
            dest,
            f"--overwrite would delete a folder that defectline did not write (it has no {marker})",
            "choose another destination or delete the folder yourself",
        )


def check_file_destination(path: Path, remedy: str = "name another file") -> None:
    """Raise OutputError, before the work begins, if the file `path` cannot be written. Leaves no file.

    Folders above it that do not exist count as writable if the nearest existing one is.
    """
    if path.is_dir():
        raise OutputError(path, "a folder, not a file", remedy)
    above = next((folder for folder in path.parents if folder.is_symlink() or folder.exists()), path.parent)
    if not above.is_dir():
        raise OutputError(path, f"would be inside {above}, which is not a folder", remedy)
    check_can_create(path, above)


def check_can_create(dest: Path, folder: Path) -> None:
    """Raise OutputError if nothing can be created in `folder`, into which `dest` is to be written."""
    if not may_write(folder):
        raise OutputError(dest, f"no permission to write in {folder}", "check who owns it or choose another")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(dest, f"nothing can be written in {folder} ({reason})", "choose another") from None


def may_write(folder: Path) -> bool:
    """Whether files can be created in `folder`, judged by permissions without creating one."""
    return os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def check_apart(dest: Path, sources: Sequence[Path]) -> None:
    """Raise OutputError if `dest` is inside a source, or a source is inside `dest`."""
    target = dest.resolve()
    for source in sources:
        origin = source.resolve()
        if target == origin or origin in target.parents or target in origin.parents:
            raise OutputError(
                dest, f"the destination and the source {source} are inside each other", "choose another"
            )


def has_suffix(path: Path | str, suffixes: frozenset[str]) -> bool:
    """Whether the name of `path` ends with one of `suffixes`, in lower or upper case; False for hidden files."""
    name = os.path.basename(path)  # noqa: PTH119 -- a Path for each of many names would take longer than the rest
    return os.path.splitext(name)[1].lower() in suffixes and not name.startswith(".")  # noqa: PTH122


def is_file(path: Path) -> bool:
    """Whether `path` is a file; False for names that the system rejects, such as too long ones."""
    try:
        return path.is_file()
    except OSError:
        return False


def check_regular(path: Path | str) -> None:
    """Raise InputError for a pipe, device or socket, because reading it may never end.

    A folder is accepted. Raises OSError.
    """
    mode = os.stat(path).st_mode  # noqa: PTH116  many files
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(path, "a pipe or a device, not a file", "name a file")


def read_text(path: Path) -> str:
    """The content of a UTF-8 file without a byte order mark.

    Raises the errors of `read_file`, and UnicodeDecodeError.
    """
    return read_file(path).decode("utf-8-sig")


def read_file(path: Path | str, limit: int = MAX_BYTES) -> bytes:
    """The content of a file.

    Raises InputError for a pipe or a device (see `check_regular`) and for more than `limit` bytes, and OSError.
    """
    check_regular(path)
    with FileIO(path) as file:
        check_length(path, os.fstat(file.fileno()).st_size, limit)
        return file.readall()


def check_length(path: Path | str, size: int, limit: int) -> None:
    """Raise InputError if `size`, that of the file `path` in bytes, is more than `limit`, whole MiB or GiB."""
    if size > limit:
        shown = f"{limit >> 30} GiB" if limit >= 2**30 else f"{limit >> 20} MiB"
        raise InputError(path, f"{size} bytes, more than the {shown} that are read", "name another file")


def check_unicode(root: Path, names: Iterable[str]) -> None:
    """Raise InputError for the first file name below `root` that is not Unicode: JSON cannot store it."""
    for name in names:
        if not name.isascii() and any("\ud800" <= c <= "\udfff" for c in name):
            raise InputError(root, f"the name {name!a} is not Unicode", "rename the file")


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to a file without a name (`write_unnamed`) or a temporary sibling, then name it `path`.

    Ctrl-C and SIGTERM are delivered afterwards, so that they leave no temporary file.
    """
    with naming(path), defer_signals():
        if not write_unnamed(path, data):
            _write_sibling(path, data)


def _write_sibling(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_file(path: str, data: bytes) -> None:
    """Write `data` to a new file in a folder that no other program uses yet.

    Faster than `write_atomic` for many files.
    """
    handle = os.open(path, NEW_FILE, 0o666)
    try:
        written = os.write(handle, data)
        while written < len(data):  # a nearly full device writes only a part
            written += os.write(handle, memoryview(data)[written:])
    finally:
        os.close(handle)


def link_or_copy(source: Path | str, dest: Path | str) -> None:
    """Make `dest` a hard link to `source`, or a copy where hard links are not possible.

    A `dest` that exists is replaced: a worker of a cluster that died may have left it.
    """
    origin = Path(source).resolve() if stat.S_ISLNK(os.lstat(source).st_mode) else source
    try:
        os.link(origin, dest)
    except FileExistsError:
        if not Path(dest).samefile(origin):
            Path(dest).unlink()
            link_or_copy(origin, dest)
    except OSError:
        with naming(Path(dest)):
            shutil.copyfile(origin, dest)


def _end_workers() -> None:
    # A worker that continues to write would recreate files in the removed folder.
    if "multiprocessing.process" in sys.modules:
        from system.workers import end_workers

        end_workers()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
