"""The run folders of a cross-validation: one parent that tests every image, and an ordinary run for each fold.

runs/<det|seg>/<name>/
  config.yaml  environment.json  split.json     test: all images; `folds` in the configuration
  fold-1/ ... fold-K/                           each with everything that a run has
  predictions/test.json  metrics.json           out-of-fold, pooled
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from datasets.console import say
from datasets.errors import InputError, OptionError
from datasets.folder import Dataset
from datasets.negatives import choose_negatives
from datasets.paste_run import pasted_names, write_pasted
from datasets.resplit import Options, share_out
from datasets.run_view import PASTED, shared
from datasets.runs import Run, RunConfig, create_fold, create_run, load_run, read_config, run_split
from datasets.splits import strata_by_type

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]

LOG = "fit.log"
GRACE = 5  # seconds


def silent(items: Iterable[Any], _label: str, _total: int) -> Iterable[Any]:
    """No progress bar."""
    return items


class Plan(msgspec.Struct, frozen=True):
    """How a cross-validation shares the images out; `val` is the share of val in what a fold does not test.

    `negatives` as in datasets.negatives; `paste` is the number of images pasted for each fold, of its own training
    images only.
    """

    folds: int
    seed: int
    val: float
    negatives: str
    paste: int


def create_folds(
    dataset: Dataset, runs: Path, name: str, config: RunConfig, plan: Plan, progress: Progress = silent
) -> Run:
    """Make the parent run and the folders of its folds, ready to be trained one by one in any order.

    Raises OptionError for folds that cannot be made.
    """
    if not 0 <= plan.val < 1:
        raise OptionError(f"--val {plan.val}", "not a share", "give 0 or more and less than 1")
    strata = strata_by_type(dataset.splits.values())
    ratios = (1 - plan.val, plan.val, 0.0)
    shares = share_out(strata, Options(ratios=ratios, seed=plan.seed, folds=plan.folds))
    views = [shared(dataset, splits) for splits in shares.values()]
    for view in views:
        if not view.splits["train"].annotations:
            raise OptionError(f"--folds {plan.folds}", "a fold has nothing to learn from", "give fewer folds")
    everything = {"train": [], "val": [], "test": sorted(strata)}
    whole = msgspec.structs.replace(config, folds=plan.folds)
    run = create_run(runs, config.kind, name, whole, run_split(dataset, everything))
    for number, view in enumerate(views, 1):
        chosen = choose_negatives(view.splits["train"], plan.negatives, plan.seed)
        names = {split: [i.file_name for i in coco.images] for split, coco in view.splits.items()}
        names["train"] = [image.file_name for image in chosen] + pasted_names(plan.paste)
        fold = create_fold(run, number, config, run_split(dataset, names))
        if plan.paste:
            write_pasted(view, fold.root / PASTED, plan.paste, plan.seed, progress)
    return run


def folds_of(run: Run) -> list[Run]:
    """The folds of a cross-validation in their order; none of an ordinary run. Raises InputError."""
    return [load_run(run.root / f"fold-{k}") for k in range(1, read_config(run.root).folds + 1)]


def cross_validation(root: Path | None) -> Run | None:
    """The cross-validation in `root`, None for an ordinary run or none. Raises InputError where it is no run."""
    run = load_run(root) if root else None
    return run if run and read_config(run.root).folds else None


def single_run(root: Path) -> Run:
    """The run in `root`, one with weights of its own. Raises InputError for a cross-validation."""
    run = load_run(root)
    if read_config(root).folds:
        raise InputError(root, "a cross-validation has no weights of its own", f"name a fold: {root / 'fold-1'}")
    return run


def train_folds(run: Run, command: Sequence[str], jobs: int) -> None:
    """Train every fold that has no metrics yet, `jobs` at a time, each by `command` and `--resume FOLD`.

    Each is a process of its own and may be trained anywhere else as well. With several jobs each has its share of
    the processors and writes to fit.log. Raises InputError when a fold fails, after the others are done.
    """
    waiting = [fold for fold in folds_of(run) if not fold.metrics.is_file()]
    if jobs < 1:
        raise OptionError(f"--jobs {jobs}", "less than 1", "give 1 or more")
    try:
        failed = [fold for fold, code in _train(waiting, command, jobs) if code]
    except (KeyboardInterrupt, SystemExit) as stop:
        say(f"stopped; continue with --resume {run.root}")
        raise SystemExit(stop.code if isinstance(stop, SystemExit) else 130) from None
    if failed:
        log = f", see {failed[0].root / LOG}" if (failed[0].root / LOG).is_file() else ""
        raise InputError(failed[0].root, f"the fold could not be trained{log}", f"mend it and --resume {run.root}")


def _train(folds: Sequence[Run], command: Sequence[str], jobs: int) -> Iterator[tuple[Run, int]]:
    """Each fold with the exit status of its training, as they end."""
    environment = dict(os.environ)
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    started: list[subprocess.Popen[bytes]] = []

    def train(fold: Run) -> tuple[Run, int]:
        words = [sys.executable, "-m", *command, "--resume", str(fold.root)]
        if jobs == 1:
            say(fold.root.name)
            started.append(subprocess.Popen(words))  # noqa: S603
            return fold, started[-1].wait()
        with (fold.root / LOG).open("ab") as log:
            process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)  # noqa: S603
            started.append(process)
            code = process.wait()
        say(f"{fold.root.name} {'failed' if code else 'is done'}")
        return fold, code

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(train, fold) for fold in folds]):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _end(started)
            raise


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Let trainings end in their own time, as Ctrl-C reaches them too, and tell those that it did not reach."""
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        process.terminate()
        process.wait()
