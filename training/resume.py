"""How a run ends before its time and goes on later, the same for every trainer."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evaluate.run_folder import Run, is_fold, load_run_of
from system.console import print_status
from system.errors import InputError, OptionError, OutputError, WeightsError


def check_alone(root: Path, flags: Iterable[str]) -> None:
    """Raise OptionError where `--resume` is given together with options of a new run."""
    if flags := list(flags):
        named = ", ".join(f"--{flag.replace('_', '-')}" for flag in flags)
        raise OptionError(f"--resume {root}", "a run continues with its own options", f"leave out {named}")


def unfinished_run(root: Path, task: str, state: str) -> Run:
    """The run in `root`, of the trainer `task`, to go on with or, a fold, to begin.

    `state` is the file in its weights/ that the trainer continues from. Raises InputError, also for a run that is
    measured already, and WeightsError.
    """
    run = load_run_of(root, task)
    if run.metrics.is_file():
        raise InputError(root, "the run is finished", "start a new one without --resume")
    if not is_fold(run) and not (run.weights / state).is_file():
        raise WeightsError(run.weights / state, "no such file, nothing to resume", "start anew without --resume")
    return run


@contextmanager
def kept_if_begun(run: Run, state: Path, epochs: int, done: Callable[[Path], int]) -> Iterator[None]:
    """Around what makes a run: what ends it before the first epoch is finished leaves no run folder.

    Ctrl-C and SIGTERM later tell how to go on, after how many of `epochs`, and end with status 130 and 143.
    `state` is what a training is continued from, and `done` reads from it how many epochs it has behind it: of the
    history that may be one more, and after the next start it would be done again.
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


def remove_run(run: Run) -> None:
    """Remove a run folder, and its parents if that leaves them empty. Raises OutputError."""
    try:
        shutil.rmtree(run.root)
    except OSError as error:
        raise OutputError(run.root, f"cannot be removed ({error.strerror})", "delete it yourself") from None
    with suppress(OSError):
        run.root.parent.rmdir()
        run.root.parent.parent.rmdir()


def _removed(run: Run, state: Path) -> bool:
    """Whether no epoch was finished; the run folder is gone then, except that of a fold."""
    if state.is_file() or run.metrics.is_file():
        return False
    if not is_fold(run):
        remove_run(run)
    return True
