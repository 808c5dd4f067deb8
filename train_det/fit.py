"""From a dataset to a run: training, its history, the best epoch's predictions and numbers."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import nn

from datasets.best import stored_best
from datasets.coco import Image
from datasets.console import progress, say
from datasets.crossval import Plan, create_folds
from datasets.errors import InputError, WeightsError
from datasets.folder import Dataset
from datasets.negatives import choose_negatives
from datasets.paste_run import pasted_names, write_pasted
from datasets.resume import remove_unless_begun, unfinished_run
from datasets.run_view import PASTED, run_view
from datasets.runs import (
    Run,
    RunConfig,
    create_run,
    draw_curves,
    is_fold,
    read_history,
    run_options,
    run_split,
    write_history,
)
from datasets.track import Row, check_logger, tracked
from evaluate.metrics import Metrics
from train_det import ultra
from train_det.checkpoints import BEST, LAST, State, load_state, save_checkpoint
from train_det.data import TrainingImages, read_samples
from train_det.device import choose_device, choose_precision
from train_det.options import FitOptions, with_learning_rate
from train_det.predict import load_run_detector, measure
from train_det.progress import EpochProgress
from train_det.tone import set_gamma
from train_det.trainer import Epoch, Trainer
from train_det.validation import Validation

KIND = "det"
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
    options = _settled(options)
    members = training_members(dataset, options)
    names = {split: [image.file_name for image in coco.images] for split, coco in dataset.splits.items()}
    names["train"] = [image.file_name for image in members] + pasted_names(options.paste)
    run = create_run(runs, KIND, name or dataset.name, _config(dataset, options), run_split(dataset, names))
    try:
        if options.paste:
            write_pasted(dataset, run.root / PASTED, options.paste, options.seed, progress)
        return _prepare(run, dataset)
    except BaseException:
        remove_unless_begun(run, run.weights / LAST)
        raise


def start_folds(
    dataset: Dataset, options: FitOptions, runs: Path, name: str | None, folds: int, val: float
) -> Run:
    """Check everything and make the run folders of a cross-validation. Raises as `start`; nothing is left then."""
    options = _settled(options)
    _new_model(dataset, options)
    plan = Plan(folds, options.seed, val, options.negatives, options.paste)
    return create_folds(dataset, runs, name or dataset.name, _config(dataset, options), plan, progress)


def resume(dataset: Dataset, root: Path) -> Training:
    """Prepare to continue the run in `root` with its own options, or to begin a fold.

    Raises InputError, WeightsError.
    """
    run = unfinished_run(root, KIND)
    if not is_fold(run) and not (run.weights / LAST).is_file():
        raise WeightsError(run.weights / LAST, "no such file, nothing to resume", "start anew without --resume")
    return _prepare(run, dataset)


def _prepare(run: Run, dataset: Dataset) -> Training:
    options = run_options(run, FitOptions)
    check_logger(options.logger)
    device = choose_device(options.device)
    view = run_view(run, dataset)
    state: State | None = None
    if (run.weights / LAST).is_file():
        model, state = load_state(run.weights / LAST)
        say(f"resuming after epoch {state['epoch']} of {options.epochs}")
    else:
        model, origin = _new_model(view, options)
        say(f"starting from {origin}")
    images = training_images(view, view.split("train").images, options)
    return Training(run, view, options, device, model, images, Validation(view, options), state)


def _settled(options: FitOptions) -> FitOptions:
    """The options with everything that was left to us decided. Raises OptionError."""
    check_logger(options.logger)
    options = with_learning_rate(options)
    precision = choose_precision(options.precision, choose_device(options.device))
    return msgspec.structs.replace(options, precision=precision)


def _config(dataset: Dataset, options: FitOptions) -> RunConfig:
    return RunConfig(KIND, str(dataset.root.resolve()), msgspec.to_builtins(options))


def _new_model(dataset: Dataset, options: FitOptions) -> tuple[nn.Module, str]:
    torch.manual_seed(options.seed)
    model, origin = ultra.new_model(options.weights, {k: c.name for k, c in enumerate(dataset.categories)})
    set_gamma(model, options.gamma)
    return model, origin


def train(training: Training) -> None:
    """Run the epochs that are left, leaving weights/best.pt, history.csv and weights/last.pt after each.

    What stops it before the first epoch ends leaves no run folder; Ctrl-C and SIGTERM later leave a run to resume.
    """
    run, options = training.run, training.options
    state: State = training.state or {}
    done = state.get("epoch", 0)
    if training.validation.monitor != options.monitor:
        say(f"val has no annotation to choose the epoch with the best {options.monitor} by: the last one is taken")
    try:
        if done < options.epochs and not stored_best(state).exhausted(done, _patience(training)):
            _train(training, done)
    except (KeyboardInterrupt, SystemExit) as stop:
        if not remove_unless_begun(run, run.weights / LAST):
            epoch = int(read_history(run.history)[-1]["epoch"])
            say(f"stopped after epoch {epoch} of {options.epochs}; continue with --resume {run.root}")
        raise SystemExit(stop.code if isinstance(stop, SystemExit) else 130) from None
    except BaseException:
        remove_unless_begun(run, run.weights / LAST)
        raise


def finish(training: Training) -> Metrics | None:
    """Draw the curves, predict val and test with the best epoch and measure; None where there is no test image."""
    run, dataset = training.run, training.dataset
    draw_curves(run.curves, read_history(run.history), CURVES)
    return measure(run, dataset, load_run_detector(run, training.device), ("val", "test"))


def training_members(dataset: Dataset, options: FitOptions) -> list[Image]:
    """The images of the train split that take part. Raises InputError where none has an annotation."""
    coco = dataset.split("train")
    if not coco.annotations:
        raise InputError(
            dataset.root, "the split train has no annotation to learn from", "convert with another split"
        )
    return choose_negatives(coco, options.negatives, options.seed)


def training_images(dataset: Dataset, members: list[Image], options: FitOptions) -> TrainingImages:
    """The training images, decoded once; boxes without masks are turned by right angles only, to stay tight."""
    samples = read_samples(dataset, members, dataset.split("train").by_image())
    augmentation = options.augmentation
    if augmentation.rotation == "any" and not all(sample.exact for sample in samples):
        say("some annotations have no mask: images are turned by right angles only")
        augmentation = msgspec.structs.replace(augmentation, rotation="right")
    images = TrainingImages(samples, options.imgsz, augmentation, options.seed)
    for index in progress(range(len(images)), "reading images"):
        images[index]
    return images


def _train(training: Training, done: int) -> None:
    options = training.options
    with (
        tracked(options.logger, training.run, msgspec.to_builtins(options)) as log,
        EpochProgress(options.epochs, done) as shown,
        tempfile.TemporaryDirectory() as scratch,
    ):

        def show(row: Row) -> None:
            log(row)
            shown.show(row)

        trainer = Trainer(
            training.model,
            training.images,
            options,
            training.device,
            Path(scratch),
            training.validation,
            _keeper(training, done, show),
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
            say(f"ended after epoch {number}: {options.patience} epochs without a better {options.monitor}")
            epoch.end()

    return keep


def _patience(training: Training) -> int:
    return 0 if training.validation.monitor == "last" else training.options.patience
