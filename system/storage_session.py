"""Copy what the URLs of a command name before it runs, and what it wrote afterwards."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import typer

from system.errors import OutputError
from system.partial_folder import lock_folder
from system.progress import Progress
from system.shown_names import show_unchanged
from system.storage_cache import Cache
from system.storage_work import UNSENT, StoredCopy, new_work
from system.stored_place import Place, Role, cache_folder

YOUNG = 60.0  # seconds; a working folder that is younger may not be locked yet


@contextmanager
def storage_session(places: Sequence[Place], values: Mapping[str, object], progress: Progress) -> Iterator[None]:
    """A context in which a command runs with `values`, its parameters, of which `places` are URLs.

    What it wrote is uploaded if it ends without an error; runs of a training are also uploaded when it is stopped.
    If it fails, or if an upload does, results stay in the cache, and their place is printed.
    Raises InputError, OptionError, OutputError, StorageError.
    """
    cache = Cache(cache_folder())
    resolved = [_resolved(place, values) for place in places]
    _check_apart(resolved)
    _remove_stale(cache.root / "work")
    works = [
        new_work(place, cache, progress)
        for place in sorted(resolved, key=lambda place: place.role is not Role.NEW)
    ]
    sent = False
    try:
        for work in works:
            work.fetch(values)
        try:
            yield
        except (typer.Exit, SystemExit, KeyboardInterrupt) as stop:
            for work in works:
                if isinstance(stop, typer.Exit) or work.role in {Role.UPDATED, Role.ADDED}:
                    work.send()
            sent = True
            raise
        for work in works:
            work.send()
        sent = True
    finally:
        for work in works:
            _end(work, sent=sent)


def _end(work: StoredCopy, *, sent: bool) -> None:
    """Remove the working folder, unless it has a result that was not uploaded."""
    folder = work.place.local.parent
    if not sent and work.changed():
        show_unchanged(str(folder))
        typer.echo(f"{work.place.url}: not uploaded completely; the result is in {work.place.local}", err=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    work.close()


def _resolved(place: Place, values: Mapping[str, object]) -> Place:
    """The place with the role that it has in this command."""
    if place.role is Role.SOURCES_AND_NEW:
        given = values.get(place.parameter)
        last = isinstance(given, list | tuple) and given[-1] == place.local
        return replace(place, role=Role.NEW if last else Role.READ)
    if place.role is Role.UPDATED and place.read_if and values.get(place.read_if):
        return replace(place, role=Role.READ)
    return place


def _check_apart(places: Sequence[Place]) -> None:
    """Raise OutputError if a new folder and another URL are inside each other."""
    for new in places:
        for other in places:
            if new.role is Role.NEW and other is not new:
                one, two = f"{new.url}/", f"{other.url}/"
                if one.startswith(two) or two.startswith(one):
                    problem = f"the destination and {other.url} are inside each other"
                    raise OutputError(new.url, problem, "choose another")


def _remove_stale(folder: Path) -> None:
    """Remove the working folders of killed commands that have no result."""
    for left in folder.glob("*"):
        with suppress(OSError):
            if (left / UNSENT).exists() or time.time() - left.stat().st_mtime < YOUNG:
                continue
            lock = lock_folder(left)
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(lock)
