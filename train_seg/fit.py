"""Train a segmenter on a dataset folder, or continue a run that was interrupted."""

import io
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import msgspec
import torch
from torch.utils.data import DataLoader

from datasets.best import Best, stored_best
from datasets.coco import Image
from datasets.crossval import Plan, create_folds
from datasets.errors import InputError, OptionError, WeightsError
from datasets.folder import Dataset
from datasets.negatives import choose_negatives
from datasets.paste_run import pasted_names, write_pasted
from datasets.resume import remove_unless_begun, unfinished_run
from datasets.run_view import PASTED, run_view
from datasets.runs import Run, RunConfig, create_run, is_fold, read_history, run_options, run_split
from datasets.track import check_logger, tracked
from train_seg.data import EpochBatches, PlainSet, Progress, TrainingSet, load_cached
from train_seg.device import choose_device, choose_precision
from train_seg.encoder_weights import load_encoder_weights
from train_seg.model import ModelSpec, UNet
from train_seg.module import SegmenterModule, WeightEma
from train_seg.options import FitOptions
from train_seg.progress import TrainingProgress
from train_seg.record import STATE, Recorder, Row

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
    best: Best | None = None


def start(
    dataset: Dataset, options: FitOptions, runs: Path, name: str | None, progress: Progress, say: Say
) -> Training:
    """Check everything, make the run folder, paste what is asked for and read all pictures.

    Raises OptionError, InputError, WeightsError; no run folder is left then.
    """
    options = _settled(options)
    train = dataset.split("train")
    if not train.annotations:
        raise InputError(dataset.root, "the split train has no annotation", "split the dataset another way")
    chosen = choose_negatives(train, options.negatives, options.seed)
    names = {split: [image.file_name for image in coco.images] for split, coco in dataset.splits.items()}
    names["train"] = [image.file_name for image in chosen] + pasted_names(options.paste)
    run = create_run(runs, KIND, name or dataset.name, _config(dataset, options), run_split(dataset, names))
    try:
        if options.paste:
            write_pasted(dataset, run.root / PASTED, options.paste, options.seed, progress)
        return _prepare(run, dataset, progress, say)
    except BaseException:
        remove_unless_begun(run, run.weights / STATE)
        raise


def start_folds(
    dataset: Dataset,
    options: FitOptions,
    runs: Path,
    name: str | None,
    folds: int,
    val: float,
    progress: Progress,
) -> Run:
    """Check everything and make the run folders of a cross-validation. Raises as `start`; nothing is left then."""
    options = _settled(options)
    _new_model(dataset, options, lambda _: None)
    plan = Plan(folds, options.seed, val, options.negatives, options.paste)
    return create_folds(dataset, runs, name or dataset.name, _config(dataset, options), plan, progress)


def resume(dataset: Dataset, root: Path, progress: Progress, say: Say) -> Training:
    """Prepare to continue the run in `root` with its own options, or to begin a fold.

    Raises InputError, WeightsError.
    """
    run = unfinished_run(root, KIND)
    if not is_fold(run) and not (run.weights / STATE).is_file():
        raise WeightsError(run.weights / STATE, "no such file, nothing to resume", "start anew without --resume")
    return _prepare(run, dataset, progress, say)


def _prepare(run: Run, dataset: Dataset, progress: Progress, say: Say) -> Training:
    options = run_options(run, FitOptions)
    check_logger(options.logger)
    device = choose_device(options.device)
    view = run_view(run, dataset)
    done, best = 0, None
    if (run.weights / STATE).is_file():
        done, best = _stand(run.weights / STATE)
        say(f"resuming after epoch {done} of {options.epochs}")
        model, spec = _new_model(view, msgspec.structs.replace(options, encoder_weights="none"), lambda _: None)
    else:
        model, spec = _new_model(view, options, say)
    sets = _load(view, view.split("train").images, _images(view, "val"), options, progress)
    return Training(run, options, spec, device, model, *sets, done, best)


def _settled(options: FitOptions) -> FitOptions:
    """The options with everything that was left to us decided. Raises OptionError."""
    check_logger(options.logger)
    precision = choose_precision(options.precision, choose_device(options.device))
    return msgspec.structs.replace(options, precision=precision)


def _config(dataset: Dataset, options: FitOptions) -> RunConfig:
    return RunConfig(KIND, str(dataset.root.resolve()), msgspec.to_builtins(options))


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
        if training.epochs_done < options.epochs and not _is_exhausted(training):
            _run_lightning(training, state if training.epochs_done else None)
    except torch.OutOfMemoryError:
        remove_unless_begun(run, state)
        raise OptionError(
            f"--batch {options.batch} --imgsz {options.imgsz}", "too much for the device's memory", "give less"
        ) from None
    except (KeyboardInterrupt, SystemExit) as stop:
        if not remove_unless_begun(run, state):
            done = int(read_history(run.history)[-1]["epoch"])
            say(f"stopped after epoch {done} of {options.epochs}; continue with --resume {run.root}")
        code = stop.code if isinstance(stop, SystemExit) else 1
        raise SystemExit(130 if code == 1 else code) from None
    except BaseException:
        remove_unless_begun(run, state)
        raise
    done = int(read_history(run.history)[-1]["epoch"])
    if done < options.epochs:
        say(f"ended after epoch {done}: {options.patience} epochs without a better {options.monitor}")
    return run


def _is_exhausted(training: Training) -> bool:
    return bool(training.best and training.best.exhausted(training.epochs_done, training.options.patience))


def _run_lightning(training: Training, state: Path | None) -> None:
    options, how = training.options, training.options.optimisation
    ema = WeightEma(how.average_decay)
    batches = EpochBatches(len(training.train.cached), options.batch, options.seed)
    workers = options.workers
    loader = DataLoader(training.train, batch_sampler=batches, num_workers=workers, persistent_workers=workers > 0)
    val = DataLoader(training.val, batch_size=options.batch) if len(training.val) else None
    pretrained = options.encoder_weights != "none"
    module = SegmenterModule(training.model, how, options.epochs * len(batches), pretrained=pretrained)
    progress = TrainingProgress(options.epochs)
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with (
        tracked(options.logger, training.run, msgspec.to_builtins(options)) as log,
        warnings.catch_warnings(),
        progress,
    ):
        warnings.simplefilter("ignore")

        def on_epoch(row: Row) -> None:
            log(row)
            progress.on_epoch(row)

        recorder = Recorder(training.run, training.spec, options, ema, on_epoch)
        trainer = pl.Trainer(
            accelerator={"cuda": "gpu"}.get(training.device.type, training.device.type),
            devices=[training.device.index or 0] if training.device.type == "cuda" else 1,
            precision="bf16-mixed" if options.precision == "bf16" else "32-true",
            max_epochs=options.epochs,
            callbacks=[ema, recorder, progress],
            gradient_clip_val=how.gradient_clip,
            default_root_dir=training.run.root,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        trainer.fit(module, loader, val, ckpt_path=state, weights_only=True)


def _stand(state: Path) -> tuple[int, Best]:
    """How many epochs a resume state has behind it, and the best of them. Raises WeightsError."""
    try:
        stored = torch.load(io.BytesIO(state.read_bytes()), map_location="cpu", weights_only=True)
        kept = stored["callbacks"][Recorder.__name__]
        return len(kept["rows"]), stored_best(kept)
    except Exception:  # noqa: BLE001  damaged files raise whatever the unpickler stumbles over
        raise WeightsError(state, "damaged, the run cannot be resumed", "start anew without --resume") from None


def _new_model(dataset: Dataset, options: FitOptions, say: Say) -> tuple[UNet, ModelSpec]:
    if not dataset.categories:
        raise InputError(dataset.root, "no category", "make a dataset with at least one defect type")
    spec = ModelSpec(
        options.encoder, options.encoder_depth, options.imgsz, dataset.categories, gamma=options.gamma
    )
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
    return TrainingSet(cached[: len(train)], options.seed, options.augmentation), PlainSet(cached[len(train) :])


def _images(dataset: Dataset, split: str) -> list[Image]:
    return dataset.splits[split].images if split in dataset.splits else []
