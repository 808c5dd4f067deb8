"""What every trainer asks of a run before it continues it, and what it leaves of one that never began."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from datasets.coco import Image
from datasets.errors import InputError, OptionError, OutputError
from datasets.folder import Dataset
from datasets.runs import Run, RunSplit, is_fold, load_run, read_split


def check_alone(root: Path, flags: Iterable[str]) -> None:
    """Raise OptionError where `--resume` is given together with options of a new run."""
    if flags := list(flags):
        named = ", ".join(f"--{flag.replace('_', '-')}" for flag in flags)
        raise OptionError(f"--resume {root}", "a run continues with its own options", f"leave out {named}")


def unfinished_run(root: Path, kind: str) -> Run:
    """The run in `root`, of the trainer `kind` (det or seg) and not measured yet. Raises InputError."""
    run = load_run(root)
    if run.kind != kind:
        raise InputError(root, f"a run of kind {run.kind}", "resume it with the trainer that made it")
    if run.metrics.is_file():
        raise InputError(root, "the run is finished", "start a new one without --resume")
    return run


def run_members(run: Run, dataset: Dataset) -> dict[str, list[Image]]:
    """The images of each split of the run, wherever `dataset` has them. Raises InputError for another dataset."""
    split: RunSplit = read_split(run)
    now = dataset.provenance.content_sha256 if dataset.provenance else None
    if now != split.content_sha256:
        raise InputError(dataset.root, "not the dataset of the run, or its content changed", "name the run's own")
    known = {image.file_name: image for coco in dataset.splits.values() for image in coco.images}
    if missing := [name for names in split.images.values() for name in names if name not in known]:
        raise InputError(dataset.root, f"{missing[0]} of the run is not in it", "name the run's own dataset")
    return {name: [known[file] for file in files] for name, files in split.images.items()}


def remove_unless_begun(run: Run, state: Path) -> bool:
    """Remove a run folder in which no epoch was finished, and its parents if that leaves them empty.

    `state` is what a training is resumed from. Whether no epoch was finished; the folder of a fold stays all the
    same. Raises OutputError.
    """
    if state.is_file() or run.metrics.is_file():
        return False
    if is_fold(run):
        return True
    try:
        shutil.rmtree(run.root)
    except OSError as error:
        raise OutputError(run.root, f"cannot be removed ({error.strerror})", "delete it yourself") from None
    with suppress(OSError):
        run.root.parent.rmdir()
        run.root.parent.parent.rmdir()
    return True
