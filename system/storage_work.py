"""What a command does with one URL: the copy before it runs, and the upload afterwards, by its role."""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import typer

from system.errors import OutputError
from system.partial_folder import lock_folder
from system.progress import Progress
from system.storage import Listed, Store
from system.storage_cache import Cache, writable
from system.storage_upload import check_new, read_listing, upload
from system.stored_place import Place, Role

MARKERS = ("dataset.json", ".defectline")  # in folders that defectline wrote and --overwrite may replace
UNSENT = "unsent"  # in the working folder until its result is uploaded; contains the URL
LEVELS = 2  # a new run is runs/TASK/NAME
State = tuple[int, int, int]


class StoredCopy:
    """The working folder of one URL, for a command that only reads it; subclasses are for the other roles."""

    def __init__(self, place: Place, cache: Cache, progress: Progress) -> None:
        """Raises OptionError, StorageError."""
        self.place, self.cache, self.progress = place, cache, progress
        self.role = place.role
        self.store = Store(place.url)
        self.before: dict[str, Listed] = {}
        self._states: dict[str, State] = {}
        self._lock: int | None = None

    def fetch(self, values: Mapping[str, object]) -> None:
        """Copy what the command reads, and check that what it writes may be stored.

        `values` are the parameters of the command. Raises InputError, OutputError, StorageError.
        """
        folder = self.place.local.parent
        with writable(self.cache.root):
            folder.mkdir(parents=True)
            self._lock = lock_folder(folder)
            if self.role is not Role.READ:
                (folder / UNSENT).write_text(self.place.url + "\n")
        self._fetch(values)
        self._states = self._files()

    def send(self) -> None:
        """Upload what the command wrote. Raises OutputError, StorageError."""

    def changed(self) -> bool:
        """Whether the command wrote anything that is to be uploaded."""
        return self.role is not Role.READ and self._files() != self._states

    def close(self) -> None:
        """Release the lock of the working folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _fetch(self, values: Mapping[str, object]) -> None:  # noqa: ARG002
        self.before = read_listing(self.store)
        linked = self.role is Role.READ
        self.cache.copy(self.store, self.before, self.place.local, self.progress, linked=linked)

    def _files(self) -> dict[str, State]:
        """Each file of the working folder, relative to it, with what changes if it is written."""
        folder = self.place.local.parent
        states = {}
        for path in folder.rglob("*"):
            if path.is_file() and path != folder / UNSENT:
                status = path.stat()
                states[path.relative_to(folder).as_posix()] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return states

    def _below(self, local: Path) -> dict[str, Path]:
        return {path.relative_to(local).as_posix(): path for path in local.rglob("*") if path.is_file()}


class NewFolder(StoredCopy):
    """The destination of a conversion."""

    def _fetch(self, values: Mapping[str, object]) -> None:
        overwrite = values.get("overwrite")
        chosen = overwrite if isinstance(overwrite, bool) else None
        self.before = check_new(self.store, overwrite=chosen, markers=MARKERS)

    def send(self) -> None:
        """See StoredCopy; a dry run wrote nothing."""
        files = self._below(self.place.local)
        if files:
            removed = self.before.keys() - files.keys()
            upload(self.store, files, self.progress, before=self.before, removed=removed)


class NewFile(StoredCopy):
    """A file, and others that a command writes beside it: they replace what is stored, each in one step."""

    def _fetch(self, values: Mapping[str, object]) -> None:  # noqa: ARG002
        """There is nothing to read, but a bucket that is missing is found before the command runs."""
        if self.store.list().keys() - {""}:
            raise OutputError(self.place.url, "is a folder there", "name a file")

    def send(self) -> None:
        """See StoredCopy."""
        above = Store(self.place.url.rpartition("/")[0])
        above.url = self.place.url  # which messages name
        folder = self.place.local.parent
        files = sorted(self._files(), key=lambda name: (name == self.place.local.name, name))
        if files:
            above.put([(name, str(folder / name)) for name in files])


class UpdatedFolder(StoredCopy):
    """A run or dataset in which a command may add, replace and remove files."""

    def send(self) -> None:
        """See StoredCopy; only what changed is uploaded."""
        now, local = self._files(), self.place.local
        prefix = f"{local.name}/"
        files = {name.removeprefix(prefix): local.parent / name
                 for name, state in now.items() if self._states.get(name) != state}  # fmt: skip
        removed = [name for name in self.before if prefix + name not in now]
        upload(self.store, files, self.progress, before=self.before, removed=removed)


class AddedFolder(StoredCopy):
    """The folder of all runs, to which a training adds one. Only the names of those stored are copied."""

    def _fetch(self, values: Mapping[str, object]) -> None:  # noqa: ARG002
        self.place.local.mkdir()
        for name in self.store.list():
            parts = PurePosixPath(name).parts[:LEVELS]
            if len(parts) == LEVELS:
                self.place.local.joinpath(*parts).mkdir(parents=True, exist_ok=True)

    def send(self) -> None:
        """See StoredCopy; a run whose name was taken meanwhile gets the next free one."""
        for folder in sorted(self.place.local.glob("/".join("*" * LEVELS))):
            files = self._below(folder)
            if files:
                store = _free(f"{self.place.url}/{folder.relative_to(self.place.local).as_posix()}")
                upload(store, files, self.progress, before={})
                typer.echo(f"uploaded to {store.url}", err=True)


def _free(url: str) -> Store:
    number = 1
    while (store := Store(url if number == 1 else f"{url}-{number}")).list():
        number += 1
    return store


def new_work(place: Place, cache: Cache, progress: Progress) -> StoredCopy:
    """The work of a role. Raises OptionError, StorageError."""
    kinds: dict[Role, type[StoredCopy]] = {
        Role.NEW: NewFolder, Role.FILE: NewFile, Role.UPDATED: UpdatedFolder, Role.ADDED: AddedFolder,
    }  # fmt: skip
    return kinds.get(place.role, StoredCopy)(place, cache, progress)
