"""From a dataset to a measured run, shared by all trainers; a trainer's learner contains what differs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import msgspec

from datasets.formats.dataset_folder import Dataset
from evaluate.history_file import read_history
from evaluate.metrics import Metrics
from evaluate.run_folder import Run
from evaluate.tables import print_metrics
from system.console import print_status
from system.json_output import report
from system.on_cluster import pool_on
from training.before_training import report_before_training
from training.device import choose_device, choose_precision
from training.epoch_recorder import recording
from training.group_start import OtherProcesses
from training.history import draw_curves
from training.loggers import check_logger
from training.measure import measure
from training.new_run import check_learnable, new_folds, new_run
from training.new_seeds import new_seeds
from training.options import OptionsT, run_options
from training.resume import continued_loop, kept_if_begun, remove_run, unfinished_run
from training.run_dataset import run_dataset
from training.run_lock import hold, release
from training.several_devices import epochs_left, together
from training.several_trainings import train_several, trainings_of
from training.trainer import Learner, Loop, PredictOptions, Trainer, Work
from training.usual_epochs import options_to_train

MEASURED: Sequence[str] = ("val", "test")


@dataclass(frozen=True, slots=True)
class Training(Generic[OptionsT]):
    """A training that is ready to run: its run folder, dataset and options, and its loop with images and model
    loaded.

    `others` are the processes on other devices.
    """

    learner: Learner[OptionsT]
    work: Work[OptionsT]
    loop: Loop
    others: OtherProcesses | None = None

    @property
    def run(self) -> Run:
        """The run folder that it writes to."""
        return self.work.run


def start(
    trainer: Trainer[OptionsT],
    dataset: Dataset,
    options: OptionsT,
    runs: Path,
    name: str | None,
    others: OtherProcesses | None = None,
) -> Training[OptionsT]:
    """Check everything, make the run folder, paste images where asked and read all images.

    `others` are the processes on other devices.

    Raises OptionError, InputError, WeightsError; no run folder is left then.
    """
    learner = trainer.learner()
    if others:
        others.group(options)
        trainer.check_devices(learner.settle(options))
    run = new_run(trainer.task, dataset, _settled(learner, options), runs, name, trainer.images)
    _furnish(learner, run, [run], dataset, options)
    training = _prepare(trainer, learner, run, dataset, others)
    report_before_training(run, dataset, options)
    return training


def start_several(
    trainer: Trainer[OptionsT],
    dataset: Dataset,
    options: OptionsT,
    runs: Path,
    name: str | None,
    *,
    seeds: int,
    folds: int,
    val: float,
) -> Run:
    """Check everything and make the run folders of a cross-validation, or of several seeds.

    Raises as `start`; nothing is left then.
    """
    learner = trainer.learner()
    options = _settled(learner, options)
    check_learnable(dataset, options, trainer.images)
    learner.check_model(dataset, options)
    if seeds > 1:
        run = new_seeds(trainer.task, dataset, options, runs, name, seeds, folds, val, trainer.images)
    else:
        run = new_folds(trainer.task, dataset, options, runs, name, folds, val, trainer.images)
    parts = trainings_of(run)
    _furnish(learner, run, parts, dataset, options)
    report_before_training(parts[0], dataset, options)
    return run


def fit_several(
    trainer: Trainer[OptionsT],
    dataset: Dataset,
    options: OptionsT,
    runs: Path,
    name: str | None,
    begun: Run | None,
    *,
    seeds: int,
    folds: int,
    val: float,
    jobs: int,
    on: str | None,
) -> None:
    """Train and measure the folds or seeds of the run `begun`, or of a new one, and print the numbers.

    `jobs` are trained at a time, or as many as the cluster `on` can (dask://HOST:PORT). Raises as `start_several`,
    `train_several` and `pool_on`.
    """
    with pool_on(on, jobs if jobs > 1 else 0) as pool:
        run = begun or start_several(trainer, dataset, options, runs, name, seeds=seeds, folds=folds, val=val)
        command = [trainer.python_module, "fit", str(dataset.root)]
        metrics = train_several(run, dataset, command, jobs, trainer.learner().operating_rule, pool)
    print_run(run.root, metrics)


def resume(
    trainer: Trainer[OptionsT], dataset: Dataset, root: Path, others: OtherProcesses | None = None
) -> Training[OptionsT]:
    """Prepare to continue the run in `root` with its own options, or to begin a fold.

    Raises InputError, WeightsError.
    """
    learner = trainer.learner()
    run = unfinished_run(root, trainer.task, learner.state_file)
    if others:
        trainer.check_devices(run_options(run, trainer.options))
    return _prepare(trainer, learner, run, dataset, others)


def train(training: Training[OptionsT]) -> None:
    """Train the epochs that are left, leaving weights, history and resume state after each.

    An interruption before the end of the first epoch leaves no run folder; Ctrl-C and SIGTERM later leave a run to
    resume.
    """
    learner, work, loop = training.learner, training.work, training.loop
    options = work.options
    if lack := loop.missing_in_val():
        print_status(f"val has no {lack}: the last epoch is taken as the best")
    with _kept(learner, work.run, options), together(work, training.others):
        if epochs_left(loop, work):
            with recording(
                work.run, options, done=loop.done, best=loop.best, batches=loop.batches, shown=learner.shown,
                group=work.group,
            ) as recorder:  # fmt: skip
                loop.train(recorder)
    done = int(read_history(work.run.history)[-1]["epoch"])
    if done < options.epochs:
        print_status(f"ended after epoch {done}: {options.patience} epochs without a better {options.monitor}")


def finish(training: Training[OptionsT]) -> Metrics | None:
    """Draw the curves, predict val and test with the best epoch and measure; None if there is no test image."""
    learner, work = training.learner, training.work
    with _kept(learner, work.run, work.options):
        learner.calibrate(work)
        draw_curves(work.run.curves, read_history(work.run.history), learner.curves)
        predictor = learner.load(work.run, work.device, PredictOptions())
        metrics = measure(work.run, work.dataset, predictor, MEASURED, learner.operating_rule)
        if not learner.keeps_state:
            (work.run.weights / learner.state_file).unlink(missing_ok=True)
    release(work.run.root)
    return metrics


def print_run(root: Path, metrics: Metrics | None) -> None:
    """Print the numbers of the run in `root`, None if it has no test image, and report them for --json."""
    report({"run": root, "metrics": metrics})
    if metrics:
        print_metrics(metrics)
    else:
        print_status("test has no image: nothing is measured")
    print_status(f"the run is in {root}")


def _prepare(
    trainer: Trainer[OptionsT],
    learner: Learner[OptionsT],
    run: Run,
    dataset: Dataset,
    others: OtherProcesses | None,
) -> Training[OptionsT]:
    options = options_to_train(run, trainer.options)
    with _kept(learner, run, options):
        check_logger(options.logger)
        group = others.group(options) if others else None
        device = group.device if group else choose_device(options.device)
        path = run.weights / learner.state_file
        state = path if path.is_file() else None
        seen = run_dataset(run, dataset)
        work = Work(run=run, dataset=seen, options=options, device=device, state=state, group=group)
        if state is None:
            return Training(learner, work, learner.prepare(work), others)
        print_status(f"resuming after epoch {learner.epochs_done(state)} of {options.epochs}")
        return Training(learner, work, continued_loop(learner, work, state), others)


def _furnish(
    learner: Learner[OptionsT], run: Run, parts: Sequence[Run], dataset: Dataset, options: OptionsT
) -> None:
    """Let the learner add its files to `parts`: `run`, its folds or its seeds. Removes `run` if it cannot."""
    try:
        for part in parts:
            learner.furnish(part, run_dataset(part, dataset), run_options(part, type(options)))
    except BaseException:
        remove_run(run)
        raise


def _settled(learner: Learner[OptionsT], options: OptionsT) -> OptionsT:
    """The options with everything decided that the user left open. Raises OptionError."""
    check_logger(options.logger)
    precision = choose_precision(options.precision, choose_device(options.device))
    return msgspec.structs.replace(learner.settle(options), precision=precision)


@contextmanager
def _kept(learner: Learner[OptionsT], run: Run, options: OptionsT) -> Iterator[None]:
    """Hold the lock of the run during the block. Raises InputError if another process trains it.

    The lock is kept until the run is finished: between reading the state and training from it, another process
    must not train.
    """
    hold(run.root)
    with kept_if_begun(run, run.weights / learner.state_file, options.epochs, learner.epochs_done):
        yield
