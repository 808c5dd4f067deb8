"""Train a segmenter on a dataset folder, or continue a run that was interrupted."""

import io
import logging
import shutil
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import msgspec
import torch
from torch.utils.data import DataLoader

from datasets.coco import Image
from datasets.errors import InputError, OptionError, OutputError, WeightsError
from datasets.folder import Dataset
from datasets.negatives import choose_negatives
from datasets.runs import Run, RunConfig, create_run, load_run, read_config, read_history, read_split, run_split
from train_seg.data import EpochBatches, PlainSet, Progress, TrainingSet, load_cached
from train_seg.device import choose_device, choose_precision
from train_seg.encoder_weights import load_encoder_weights
from train_seg.model import ModelSpec, UNet
from train_seg.module import PRETRAINED_LR_SHARE, SegmenterModule, WeightEma
from train_seg.options import FitOptions, check_options
from train_seg.progress import TrainingProgress
from train_seg.record import STATE, Recorder

KIND = "seg"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Training:
    """A training ready to go on: data in memory, model built, and the run folder it writes to."""

    run: Run
    options: FitOptions
    spec: ModelSpec
    device: torch.device
    model: UNet
    train: TrainingSet
    val: PlainSet
    epochs_done: int = 0


def start(
    dataset: Dataset, options: FitOptions, runs: Path, name: str | None, progress: Progress, say: Say
) -> Training:
    """Check everything, read all pictures, and only then make the run folder.

    Raises OptionError, InputError, WeightsError; no run folder is left then.
    """
    check_options(options)
    device = choose_device(options.device)
    options = msgspec.structs.replace(options, precision=choose_precision(options.precision, device))
    train = dataset.split("train")
    if not train.annotations:
        raise InputError(dataset.root, "the split train has no annotation", "split the dataset another way")
    chosen = choose_negatives(train, options.negatives, options.seed)
    model, spec = _new_model(dataset, options, say)
    images = {"train": chosen, "val": _images(dataset, "val"), "test": _images(dataset, "test")}
    sets = _load(dataset, images["train"], images["val"], options, progress)
    config = RunConfig(KIND, str(dataset.root.resolve()), msgspec.to_builtins(options))
    names = {split: [image.file_name for image in members] for split, members in images.items()}
    run = create_run(runs, KIND, name or dataset.name, config, run_split(dataset, names))
    return Training(run, options, spec, device, model, *sets)


def resume(dataset: Dataset, root: Path, progress: Progress, say: Say) -> Training:
    """Prepare to continue the run in `root` with its own options. Raises InputError, WeightsError."""
    run = load_run(root)
    if run.kind != KIND:
        raise InputError(root, f"a run of kind {run.kind}", "resume it with the trainer that made it")
    if run.metrics.is_file():
        raise InputError(root, "the run is finished", "start a new one without --resume")
    done = _epochs_in(run.weights / STATE)
    try:
        options = msgspec.convert(read_config(root).options, FitOptions)
    except msgspec.ValidationError as error:
        raise InputError(run.config, f"not options of train_seg: {error}", "start anew without --resume") from None
    split = read_split(run)
    now = dataset.provenance.content_sha256 if dataset.provenance else None
    if now != split.content_sha256:
        raise InputError(dataset.root, "not the dataset of the run, or its content changed", "name the run's own")
    members = {image.file_name: image for coco in dataset.splits.values() for image in coco.images}
    if missing := [n for names in split.images.values() for n in names if n not in members]:
        raise InputError(dataset.root, f"{missing[0]} of the run is not in it", "name the run's own dataset")
    say(f"resuming after epoch {done} of {options.epochs}")
    model, spec = _new_model(dataset, msgspec.structs.replace(options, encoder_weights="none"), lambda _: None)
    train, val = ([members[n] for n in split.images[s]] for s in ("train", "val"))
    sets = _load(dataset, train, val, options, progress)
    return Training(run, options, spec, choose_device(options.device), model, *sets, done)


def cannot_choose(training: Training) -> str | None:
    """What val lacks so that no epoch can be told the best by what is monitored, or None."""
    if not len(training.val):
        return "image"
    annotated = any(item.coverage.any() for item in training.val.cached)
    return None if annotated or training.options.monitor == "loss" else "annotation"


def train(training: Training, say: Say) -> Run:
    """Run all epochs that are left. What stops it before the first epoch ends leaves no run folder.

    Ctrl-C and SIGTERM leave a run that can be resumed. Raises OptionError where memory does not suffice.
    """
    run, options = training.run, training.options
    state = run.weights / STATE
    try:
        if training.epochs_done < options.epochs:
            _run_lightning(training, state if training.epochs_done else None)
    except torch.OutOfMemoryError:
        _remove_unless_begun(run, state)
        raise OptionError(
            f"--batch {options.batch} --imgsz {options.imgsz}", "too much for the device's memory", "give less"
        ) from None
    except (KeyboardInterrupt, SystemExit) as stop:
        if not _remove_unless_begun(run, state):
            done = int(read_history(run.history)[-1]["epoch"])
            say(f"stopped after epoch {done} of {options.epochs}; continue with --resume {run.root}")
        code = stop.code if isinstance(stop, SystemExit) else 1
        raise SystemExit(130 if code == 1 else code) from None
    except BaseException:
        _remove_unless_begun(run, state)
        raise
    return run


def _run_lightning(training: Training, state: Path | None) -> None:
    options, ema = training.options, WeightEma()
    batches = EpochBatches(len(training.train.cached), options.batch, options.seed)
    workers = options.workers
    loader = DataLoader(training.train, batch_sampler=batches, num_workers=workers, persistent_workers=workers > 0)
    val = DataLoader(training.val, batch_size=options.batch) if len(training.val) else None
    share = 1.0 if options.encoder_weights == "none" else PRETRAINED_LR_SHARE
    module = SegmenterModule(training.model, options.lr, options.epochs * len(batches), share)
    progress = TrainingProgress(options.epochs)
    recorder = Recorder(training.run, training.spec, options.monitor, ema, progress.on_epoch)
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), progress:
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            accelerator={"cuda": "gpu"}.get(training.device.type, training.device.type),
            devices=[training.device.index or 0] if training.device.type == "cuda" else 1,
            precision="bf16-mixed" if options.precision == "bf16" else "32-true",
            max_epochs=options.epochs,
            callbacks=[ema, recorder, progress],
            gradient_clip_val=1.0,
            default_root_dir=training.run.root,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        trainer.fit(module, loader, val, ckpt_path=state, weights_only=True)


def _epochs_in(state: Path) -> int:
    """How many epochs a resume state has behind it. Raises WeightsError."""
    if not state.is_file():
        raise WeightsError(state, "no such file, nothing to resume", "start anew without --resume")
    try:
        stored = torch.load(io.BytesIO(state.read_bytes()), map_location="cpu", weights_only=True)
        return len(stored["callbacks"][Recorder.__name__]["rows"])
    except Exception:  # noqa: BLE001  damaged files raise whatever the unpickler stumbles over
        raise WeightsError(state, "damaged, the run cannot be resumed", "start anew without --resume") from None


def _new_model(dataset: Dataset, options: FitOptions, say: Say) -> tuple[UNet, ModelSpec]:
    if not dataset.categories:
        raise InputError(dataset.root, "no category", "make a dataset with at least one defect type")
    spec = ModelSpec(options.encoder, options.encoder_depth, options.imgsz, dataset.categories)
    torch.manual_seed(options.seed)
    model = UNet(spec)
    for line in load_encoder_weights(
        model.net.encoder, options.encoder, options.encoder_depth, options.encoder_weights
    ):
        say(line)
    return model, spec


def _load(
    dataset: Dataset, train: list[Image], val: list[Image], options: FitOptions, progress: Progress
) -> tuple[TrainingSet, PlainSet]:
    annotations = {i: a for coco in dataset.splits.values() for i, a in coco.by_image().items()}
    cached = load_cached(dataset, [*train, *val], annotations, options.imgsz, progress)
    return TrainingSet(cached[: len(train)], options.seed), PlainSet(cached[len(train) :])


def _images(dataset: Dataset, split: str) -> list[Image]:
    return dataset.splits[split].images if split in dataset.splits else []


def _remove_unless_begun(run: Run, state: Path) -> bool:
    """Remove a run folder in which no epoch was finished, and its parents if that leaves them empty."""
    if state.is_file() or run.metrics.is_file():
        return False
    try:
        shutil.rmtree(run.root)
    except OSError as error:
        raise OutputError(run.root, f"cannot be removed ({error.strerror})", "delete it yourself") from None
    with suppress(OSError):
        run.root.parent.rmdir()
        run.root.parent.parent.rmdir()
    return True
