"""Interrupting and resuming a run, the same for every trainer."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import Run, is_member, load_run_of
from system.console import print_status
from system.errors import InputError, OptionError, OutputError, WeightsError, first_line
from system.links import check_own_folder
from training.options import OptionsT
from training.run_dataset import check_same_annotations
from training.run_lock import hold
from training.trainer import Learner, Loop, Work


def check_alone(root: Path, flags: Iterable[str]) -> None:
    """Raise OptionError if `--resume` is given together with options of a new run."""
    if flags := list(flags):
        named = ", ".join(f"--{flag.replace('_', '-')}" for flag in flags)
        raise OptionError(f"--resume {root}", "a run continues with its own options", f"leave out {named}")


def dataset_to_train(given: Path | None, resumed: Path | None, task: str) -> Dataset:
    """The dataset folder `given`, or that of the run `resumed` where none is given.

    Raises InputError, also where its annotations changed since the run began, and OptionError if neither is given.
    """
    if resumed is not None:
        run = load_run_of(resumed, task)
        dataset = open_run_dataset(run, given, option="DATASET")
        check_same_annotations(run, dataset)
        return dataset
    if given is None:
        raise OptionError("DATASET", "missing", f"see train_{task} fit --help")
    return load_dataset(given)


def check_unfinished(run: Run, state: str = "last.*") -> None:
    """Raise InputError if `run` is measured, and WeightsError if it has no file `state` in weights/.

    A fold, or one of several seeds, may not have begun.
    """
    if run.metrics.is_file():
        raise InputError(run.root, "the run is finished", "start a new one without --resume")
    if not is_member(run) and not any(run.weights.glob(state)):
        raise WeightsError(run.weights / state, "no such file, nothing to resume", "start again without --resume")


def unfinished_run(root: Path, task: str, state: str) -> Run:
    """The run in `root`, of the trainer `task`, to continue or, if it is a fold, to begin.

    `state` is the file in weights/ that the trainer continues from. The run is locked before it is looked at.
    Raises InputError, also for a finished run and one that another process trains, and WeightsError.
    """
    run = load_run_of(root, task)
    hold(root)
    check_unfinished(run, state)
    for file in (run.weights / state, run.predictions("test")):
        check_own_folder(file.parent)
        file.parent.mkdir(exist_ok=True)  # object storage has no empty folders
    return run


@contextmanager
def kept_if_begun(run: Run, state: Path, epochs: int, done: Callable[[Path], int]) -> Iterator[None]:
    """A context for work on a run: an interruption or error before the first epoch is complete leaves no run
    folder.

    Later, Ctrl-C and SIGTERM print how to continue, after how many of `epochs`, and exit with status 130 and 143.
    `state` is the file to continue from, and `done` reads the number of complete epochs from it: the history may
    have one more, which is trained again.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if not _removed(run, state):
            print_status(f"stopped after epoch {done(state)} of {epochs}; continue with --resume {run.root}")
        raise SystemExit(stop.code if isinstance(stop, SystemExit) else 130) from None
    except BaseException:
        _removed(run, state)
        raise


def continued_loop(learner: Learner[OptionsT], work: Work[OptionsT], state: Path) -> Loop:
    """The loop that continues from `state`. Raises WeightsError if its tensors are not those of the training."""
    from torch import OutOfMemoryError

    try:
        return learner.prepare(work)
    except OutOfMemoryError:
        raise
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        problem = f"does not fit this training ({first_line(error, 80)})"
        raise WeightsError(state, problem, "start again without --resume") from None


def remove_run(run: Run) -> None:
    """Remove a run folder, and its parents if they are empty then. Raises OutputError."""
    try:
        shutil.rmtree(run.root)
    except OSError as error:
        raise OutputError(run.root, f"cannot be removed ({error.strerror})", "delete it yourself") from None
    with suppress(OSError):
        run.root.parent.rmdir()
        run.root.parent.parent.rmdir()


def _removed(run: Run, state: Path) -> bool:
    """Remove the run folder, except that of a fold, if no epoch is complete; returns whether none is."""
    if state.is_file() or run.metrics.is_file():
        return False
    if not is_member(run):
        remove_run(run)
    return True
