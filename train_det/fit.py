"""From a dataset to a run: training, its history, the best epoch's predictions and numbers."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import nn

from datasets.formats.dataset_folder import Dataset
from evaluate.metrics import Metrics
from evaluate.run_folder import Run
from system.console import print_status, progress
from train_det import TASK, ultralytics_api
from train_det.checkpoints import BEST, LAST, State, load_state, save_checkpoint
from train_det.data import EvenBatches, TrainingImages, read_samples
from train_det.gamma import set_gamma
from train_det.options import FitOptions, with_learning_rate
from train_det.predict import load_run_detector, measure
from train_det.trainer import Epoch, Trainer
from train_det.validation import Validation
from training.device import choose_device, choose_precision
from training.early_stopping import stored_best
from training.epoch_progress import EpochProgress
from training.history import draw_curves, read_history, write_history
from training.loggers import Row, check_logger, tracked
from training.new_run import check_annotated, new_folds, new_run
from training.options import run_options
from training.resume import kept_if_begun, unfinished_run
from training.run_dataset import run_view

SHOWN = ("train_loss", "val_loss", "AP", "AP50")
CURVES = {"loss": ("train_loss", "val_loss"), "on val": ("AP", "AP50", "AP75"), "learning rate": ("lr",)}


@dataclass(frozen=True, slots=True)
class Training:
    """A training ready to start: images in memory, model built, and the run folder it writes to."""

    run: Run
    dataset: Dataset
    options: FitOptions
    device: torch.device
    model: nn.Module
    images: TrainingImages
    validation: Validation
    state: State | None = None


def start(dataset: Dataset, options: FitOptions, runs: Path, name: str | None) -> Training:
    """Check everything, make the run folder, paste what is asked for and read all images.

    Raises OptionError, InputError, WeightsError; no run folder is left then.
    """
    return _prepare(new_run(TASK, dataset, _settled(options), runs, name), dataset)


def start_folds(
    dataset: Dataset, options: FitOptions, runs: Path, name: str | None, folds: int, val: float
) -> Run:
    """Check everything and make the run folders of a cross-validation. Raises as `start`; nothing is left then."""
    options = _settled(options)
    check_annotated(dataset)
    _new_model(dataset, options)
    return new_folds(TASK, dataset, options, runs, name, folds, val)


def resume(dataset: Dataset, root: Path) -> Training:
    """Prepare to continue the run in `root` with its own options, or to begin a fold.

    Raises InputError, WeightsError.
    """
    return _prepare(unfinished_run(root, TASK, LAST), dataset)


def _prepare(run: Run, dataset: Dataset) -> Training:
    options = run_options(run, FitOptions)
    with _kept(run, options):
        check_logger(options.logger)
        device = choose_device(options.device)
        view = run_view(run, dataset)
        state: State | None = None
        if (run.weights / LAST).is_file():
            model, state = load_state(run.weights / LAST)
            print_status(f"resuming after epoch {state['epoch']} of {options.epochs}")
        else:
            model, origin = _new_model(view, options)
            print_status(f"starting from {origin}")
        images = training_images(view, options)
        return Training(run, view, options, device, model, images, Validation(view, options), state)


def _settled(options: FitOptions) -> FitOptions:
    """The options with everything that was left to us decided. Raises OptionError."""
    check_logger(options.logger)
    options = with_learning_rate(options)
    precision = choose_precision(options.precision, choose_device(options.device))
    return msgspec.structs.replace(options, precision=precision)


def _kept(run: Run, options: FitOptions) -> AbstractContextManager[None]:
    return kept_if_begun(run, run.weights / LAST, options.epochs, lambda path: int(load_state(path)[1]["epoch"]))


def _new_model(dataset: Dataset, options: FitOptions) -> tuple[nn.Module, str]:
    torch.manual_seed(options.seed)
    model, origin = ultralytics_api.new_model(
        options.weights, {k: c.name for k, c in enumerate(dataset.categories)}
    )
    set_gamma(model, options.gamma)
    return model, origin


def train(training: Training) -> None:
    """Run the epochs that are left, leaving weights/best.pt, history.csv and weights/last.pt after each.

    What stops it before the first epoch ends leaves no run folder; Ctrl-C and SIGTERM later leave a run to resume.
    """
    options, state = training.options, training.state or {}
    done = state.get("epoch", 0)
    if training.validation.monitor != options.monitor:
        print_status(
            f"val has no annotation to choose the epoch with the best {options.monitor} by: the last one is taken"
        )
    with _kept(training.run, options):
        if done < options.epochs and not stored_best(state).exhausted(done, _patience(training)):
            _train(training, done)


def finish(training: Training) -> Metrics | None:
    """Draw the curves, predict val and test with the best epoch and measure; None where there is no test image."""
    run = training.run
    with _kept(run, training.options):
        draw_curves(run.curves, read_history(run.history), CURVES)
        return measure(run, training.dataset, load_run_detector(run, training.device), ("val", "test"))


def training_images(dataset: Dataset, options: FitOptions) -> TrainingImages:
    """The images of train, decoded once; boxes without masks are turned by right angles only, to stay tight."""
    train = dataset.split("train")
    samples = read_samples(dataset, train.images, train.by_image())
    augmentation = options.augmentation
    if augmentation.rotation == "any" and not all(sample.exact for sample in samples):
        print_status("some annotations have no mask: images are turned by right angles only")
        augmentation = msgspec.structs.replace(augmentation, rotation="right")
    images = TrainingImages(samples, options.imgsz, augmentation, options.seed)
    for index in progress(range(len(images)), "reading images"):
        images[index]
    return images


def _train(training: Training, done: int) -> None:
    options = training.options
    batches = len(EvenBatches(training.images, options.batch))
    with (
        tracked(options.logger, training.run, msgspec.to_builtins(options)) as log,
        EpochProgress(options.epochs, batches, done, SHOWN) as shown,
        tempfile.TemporaryDirectory() as scratch,
    ):

        def show(row: Row) -> None:
            log(row)
            shown.epoch(row)

        trainer = Trainer(
            training.model,
            training.images,
            options,
            training.device,
            Path(scratch),
            training.validation,
            _keeper(training, done, show),
            shown.batch,
            training.state,
        )
        trainer.train()


def _keeper(training: Training, done: int, show: Callable[[Row], None]) -> Callable[[Epoch], None]:
    run, options, validation = training.run, training.options, training.validation
    categories, side = training.dataset.categories, options.imgsz
    rows = [row for row in read_history(run.history) if row["epoch"] <= done]
    best = stored_best(training.state or {})

    def keep(epoch: Epoch) -> None:
        nonlocal best
        number = int(epoch.row["epoch"])
        best, kept = best.after(number, epoch.fitness)
        if kept or validation.monitor == "last":
            save_checkpoint(run.weights / BEST, epoch.model, categories, side, None)
        rows.append(epoch.row)
        write_history(run.history, rows)
        state = {**epoch.take_state(), "best": msgspec.to_builtins(best)}
        # Last of all: until it is there, resuming repeats the epoch and writes the same again.
        save_checkpoint(run.weights / LAST, epoch.model, categories, side, state)
        show(epoch.row)
        if best.exhausted(number, _patience(training)):
            print_status(
                f"ended after epoch {number}: {options.patience} epochs without a better {options.monitor}"
            )
            epoch.end()

    return keep


def _patience(training: Training) -> int:
    return 0 if training.validation.monitor == "last" else training.options.patience
