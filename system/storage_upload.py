"""Copy a finished folder or file to object storage, so that half an upload is never taken for a whole one.

A marker is written first and removed last. A prefix that has it is not read. It is written only if it does not
exist, so that of two uploads at once one ends with an error.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from system.errors import InputError, OutputError
from system.progress import Progress
from system.storage import BATCH, Listed, Store, check_versions

MARKER = ".defectline-upload"
LAST = frozenset({"dataset.json", "config.yaml", "metrics.json"})  # what readers look for


def read_listing(store: Store) -> dict[str, Listed]:
    """What is stored. Raises InputError if there is nothing, or if its upload did not end; StorageError."""
    listed = store.list()
    if MARKER in listed:
        problem = "its upload was interrupted or still goes on"
        raise InputError(store.url, problem, "wait for it, or upload it again (docs/storage.md)")
    if not listed:
        raise InputError(store.url, "nothing is stored there", "check the URL")
    return listed


def check_new(store: Store, *, overwrite: bool | None, markers: Collection[str]) -> dict[str, Listed]:
    """What is stored where a new folder will be uploaded.

    Raises OutputError if it is not empty, as system.files.check_destination does: with `overwrite`, it must have
    one of the files `markers`, which defectline writes. Raises StorageError.
    """
    listed = store.list()
    if not listed:
        return {}
    if not overwrite:
        problem = "something is stored there" + " (its upload was interrupted)" * (MARKER in listed)
        remedy = "choose another" if overwrite is None else "choose another or add --overwrite"
        raise OutputError(store.url, problem, remedy)
    if listed.keys().isdisjoint({*markers, MARKER}):
        lacking = " or ".join(sorted(markers))
        problem = f"--overwrite would delete what defectline did not write (it has no {lacking})"
        raise OutputError(store.url, problem, "choose another destination or delete it yourself")
    return listed


def upload(
    store: Store,
    files: Mapping[str, Path],
    progress: Progress,
    *,
    before: Mapping[str, Listed],
    removed: Collection[str] = (),
) -> None:
    """Copy `files` (name -> path) to the store, and remove the objects `removed`.

    `before` is what was stored when the work began. One file is written in one step, without a marker.
    Raises OutputError if something else was stored meanwhile, StorageError, and InputError as `check_versions`.
    """
    if not files and not removed:
        return
    check_versions(store.url, files)
    if store.list() != before:
        raise OutputError(store.url, "something else was stored there while this command ran", "look at it first")
    if len(files) == 1 and not removed and MARKER not in before:
        store.put([(name, str(path)) for name, path in files.items()])
        return
    mark = uuid4().hex.encode()
    if not store.write(MARKER, mark, new=MARKER not in before):
        raise OutputError(store.url, "another command uploads to it", "wait for it, then look at it")
    ordered = sorted(files, key=lambda name: (name.rpartition("/")[2] in LAST, name))
    for part in progress(list(_parts(ordered)), "Upload", -(-len(ordered) // BATCH)):
        store.put([(name, str(files[name])) for name in part])
    store.remove(sorted(set(removed) - {MARKER}))
    _check_complete(store, files, mark)
    store.remove([MARKER])


def _check_complete(store: Store, files: Mapping[str, Path], mark: bytes) -> None:
    listed = store.list()
    differing = [name for name, path in files.items()
                 if name not in listed or listed[name].size not in {-1, path.stat().st_size}]  # fmt: skip
    if differing or MARKER not in listed or store.read(MARKER) != mark:
        what = f"{differing[0]} is not what was uploaded" if differing else "another command uploads to it"
        raise OutputError(store.url, what, "look at it, then upload again with --overwrite")


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
