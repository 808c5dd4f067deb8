"""From a dataset to a run: training, its history, the best epoch's predictions and numbers."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import nn

from datasets.coco import Image
from datasets.console import progress, say
from datasets.errors import InputError
from datasets.folder import Dataset
from datasets.negatives import choose_negatives
from datasets.runs import (
    Run,
    RunConfig,
    create_run,
    draw_curves,
    load_run,
    read_config,
    read_history,
    read_split,
    run_split,
    write_history,
)
from evaluate.metrics import Metrics
from train_det import ultra
from train_det.checkpoints import BEST, LAST, State, load_state, save_checkpoint
from train_det.data import TrainingImages, read_samples
from train_det.device import choose_device, choose_precision
from train_det.options import FitOptions, read_options
from train_det.predict import load_run_detector, measure
from train_det.progress import EpochProgress
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
    """Check everything, read all images, and only then make the run folder.

    Raises OptionError, InputError, WeightsError; no run folder is left then.
    """
    device = choose_device(options.device)
    options = msgspec.structs.replace(options, precision=choose_precision(options.precision, device))
    members = training_members(dataset, options)
    torch.manual_seed(options.seed)
    model, origin = ultra.new_model(options.weights, {k: c.name for k, c in enumerate(dataset.categories)})
    say(f"starting from {origin}")
    images = training_images(dataset, members, options)
    validation = Validation(dataset, options)
    names = {split: [image.file_name for image in coco.images] for split, coco in dataset.splits.items()}
    split = run_split(dataset, names | {"train": [image.file_name for image in members]})
    config = RunConfig(KIND, str(dataset.root.resolve()), msgspec.to_builtins(options))
    run = create_run(runs, KIND, name or dataset.name, config, split)
    return Training(run, dataset, options, device, model, images, validation)


def resume(dataset: Dataset, root: Path) -> Training:
    """Prepare to continue the run in `root` with its own options. Raises InputError, WeightsError."""
    run = load_run(root)
    if run.kind != KIND:
        raise InputError(root, f"a run of kind {run.kind}", "resume it with the trainer that made it")
    if run.metrics.is_file():
        raise InputError(root, "the run is finished", "start a new one without --resume")
    options = read_options(read_config(root).options)
    model, state = load_state(run.weights / LAST)
    split = read_split(run)
    now = dataset.provenance.content_sha256 if dataset.provenance else None
    if now != split.content_sha256:
        raise InputError(dataset.root, "not the dataset of the run, or its content changed", "name the run's own")
    known = {image.file_name: image for image in dataset.split("train").images}
    if missing := [name for name in split.images["train"] if name not in known]:
        raise InputError(dataset.root, f"{missing[0]} of the run is not in it", "name the run's own dataset")
    say(f"resuming after epoch {state['epoch']} of {options.epochs}")
    images = training_images(dataset, [known[name] for name in split.images["train"]], options)
    device = choose_device(options.device)
    return Training(run, dataset, options, device, model, images, Validation(dataset, options), state)


def train(training: Training) -> None:
    """Run the epochs that are left, leaving weights/best.pt, history.csv and weights/last.pt after each.

    What stops it before the first epoch ends leaves no run folder; Ctrl-C and SIGTERM later leave a run to resume.
    """
    run, options = training.run, training.options
    done = training.state["epoch"] if training.state else 0
    if training.validation.monitor != options.monitor:
        say(f"val has no annotation to choose the epoch with the best {options.monitor} by: the last one is taken")
    try:
        if done < options.epochs:
            _train(training, done)
    except (KeyboardInterrupt, SystemExit) as stop:
        if not _remove_unless_begun(run):
            epoch = int(read_history(run.history)[-1]["epoch"])
            say(f"stopped after epoch {epoch} of {options.epochs}; continue with --resume {run.root}")
        raise SystemExit(stop.code if isinstance(stop, SystemExit) else 130) from None
    except BaseException:
        _remove_unless_begun(run)
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
    with EpochProgress(options.epochs, done) as shown, tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            training.model,
            training.images,
            options,
            training.device,
            Path(scratch),
            training.validation,
            _keeper(training, done, shown),
            training.state,
        )
        trainer.train()


def _keeper(training: Training, done: int, shown: EpochProgress) -> Callable[[Epoch], None]:
    run, validation = training.run, training.validation
    categories, side = training.dataset.categories, training.options.imgsz
    rows = [row for row in read_history(run.history) if row["epoch"] <= done]
    best: float | None = training.state["best"] if training.state else None

    def keep(epoch: Epoch) -> None:
        nonlocal best
        if best is None or epoch.fitness > best or validation.monitor == "last":
            best = epoch.fitness
            save_checkpoint(run.weights / BEST, epoch.model, categories, side, None)
        rows.append(epoch.row)
        write_history(run.history, rows)
        # Last of all: until it is there, resuming repeats the epoch and writes the same again.
        save_checkpoint(run.weights / LAST, epoch.model, categories, side, {**epoch.take_state(), "best": best})
        shown.show(epoch.row)

    return keep


def _remove_unless_begun(run: Run) -> bool:
    """Remove a run folder in which no epoch was finished, and its parents if that leaves them empty."""
    if (run.weights / LAST).is_file():
        return False
    shutil.rmtree(run.root, ignore_errors=True)
    with suppress(OSError):
        run.root.parent.rmdir()
        run.root.parent.parent.rmdir()
    return True
