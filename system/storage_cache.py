"""Copies of stored files, kept by the hash of their content, so that each is downloaded and kept only once.

CACHE/blobs/ab/abcd...         a file, by its SHA-256
CACHE/listings/HASH.json       name -> version, size and SHA-256 of each object below one URL
CACHE/work/ID/NAME             what one command works on
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from system.errors import InputError, OutputError
from system.files import link_or_copy, write_atomic
from system.progress import Progress
from system.storage import BATCH, Listed, Store

UNCHANGED = 946_684_800_000_000_000  # time of change of every blob, in nanoseconds: any later one is a fault


class Kept(msgspec.Struct, frozen=True):
    """A file in the cache: the object that it was read from, and its SHA-256."""

    listed: Listed
    sha256: str


class Cache:
    """The cache in the folder `root`, which is made when something is stored."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def copy(
        self, store: Store, listed: Mapping[str, Listed], dest: Path, progress: Progress, *, linked: bool
    ) -> None:
        """Copy the objects to `dest`: a folder, or a file if the only name is "".

        With `linked`, hard links to the cache where possible: for what is only read.
        Raises InputError if an object changes meanwhile, OutputError if the cache cannot be written, StorageError.
        """
        index = self._index(store.url)
        known = self._known(index).items()
        kept = {name: one for name, one in known if listed.get(name) == one.listed and self._is_current(one)}
        missing = [name for name in listed if name not in kept]
        with writable(self.root):
            dest.parent.mkdir(parents=True, exist_ok=True)
        if missing:
            kept |= self._download(store, listed, missing, dest.parent / "incoming", progress)
            if store.list() != listed:
                raise InputError(store.url, "changed while it was read", "run the command again")
            with writable(self.root):
                index.parent.mkdir(exist_ok=True)
                write_atomic(index, msgspec.json.encode({name: kept[name] for name in listed}))
        put = link_or_copy if linked else shutil.copyfile
        with writable(self.root):
            for name in listed:
                target = dest / name if name else dest
                target.parent.mkdir(parents=True, exist_ok=True)
                put(self._blob(kept[name].sha256), target)
            if "" not in listed:
                dest.mkdir(exist_ok=True)

    def _download(
        self, store: Store, listed: Mapping[str, Listed], names: Sequence[str], incoming: Path, progress: Progress
    ) -> dict[str, Kept]:
        found = {}
        with writable(self.root):
            incoming.mkdir()
        for part in progress(list(_parts(names)), "Download", -(-len(names) // BATCH)):
            pairs = [(name, str(incoming / str(number))) for number, name in enumerate(part)]
            with writable(self.root):
                store.get(pairs)
            for name, path in pairs:
                if Path(path).stat().st_size != listed[name].size >= 0:
                    raise InputError(
                        store.url, f"{name or 'it'} changed while it was read", "run the command again"
                    )
                with writable(self.root):
                    found[name] = self._keep(Path(path), listed[name])
        incoming.rmdir()
        return found

    def _keep(self, path: Path, listed: Listed) -> Kept:
        """Move a downloaded file to its place in the cache."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        kept = Kept(listed, sha256)
        blob = self._blob(sha256)
        if self._is_intact(blob, path.stat().st_size):
            path.unlink()
            return kept
        blob.parent.mkdir(parents=True, exist_ok=True)
        os.utime(path, ns=(UNCHANGED, UNCHANGED))
        path.replace(blob)
        return kept

    def _is_current(self, kept: Kept) -> bool:
        """Whether the cache still has what was read, and the storage would state a change."""
        return kept.listed.version is not None and self._is_intact(self._blob(kept.sha256), kept.listed.size)

    def _is_intact(self, blob: Path, size: int) -> bool:
        """Whether a blob exists and was not changed, for example through a hard link."""
        try:
            status = blob.stat()
        except OSError:
            return False
        return status.st_mtime_ns == UNCHANGED and status.st_size == size

    def _known(self, index: Path) -> dict[str, Kept]:
        try:
            return msgspec.json.decode(index.read_bytes(), type=dict[str, Kept])
        except (OSError, msgspec.MsgspecError):
            return {}

    def _index(self, url: str) -> Path:
        return self.root / "listings" / f"{hashlib.sha256(url.encode()).hexdigest()}.json"

    def _blob(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256[:2] / sha256


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]


@contextmanager
def writable(cache: Path) -> Iterator[None]:
    """Raise OutputError if the block may not write to the cache."""
    try:
        yield
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        problem = f"the cache cannot be written ({error.strerror})"
        raise OutputError(cache, problem, "set DEFECTLINE_CACHE to another folder") from None
    except OSError as error:
        if error.filename is None:
            error.filename = str(cache)
        raise
