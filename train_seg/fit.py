"""Train a segmenter on a dataset folder, or continue a run that was interrupted."""

import io
import logging
import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import msgspec
import torch
from lightning.pytorch.callbacks import LambdaCallback
from torch.utils.data import DataLoader

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run
from system.console import print_status
from system.errors import OptionError, WeightsError
from train_seg import TASK
from train_seg.data import EpochBatches, PlainSet, TrainingSet, load_cached
from train_seg.encoder_weights import load_encoder_weights
from train_seg.model import ModelSpec, UNet
from train_seg.module import SegmenterModule, WeightEma
from train_seg.options import FitOptions
from train_seg.record import STATE, Recorder, Row
from train_seg.sizes import usual_sizes
from training.device import choose_device, choose_precision
from training.early_stopping import Best, stored_best
from training.epoch_progress import EpochProgress
from training.history import read_history
from training.loggers import check_logger, tracked
from training.new_run import check_annotated, new_folds, new_run
from training.options import run_options
from training.resume import kept_if_begun, unfinished_run
from training.run_dataset import run_view

SHOWN = ("train_loss", "val_loss", "val_dice", "val_iou")


@dataclass(frozen=True, slots=True)
class Training:
    """A training ready to go on: data in memory, model built, and the run folder it writes to."""

    run: Run
    dataset: Dataset
    options: FitOptions
    spec: ModelSpec
    device: torch.device
    model: UNet
    train: TrainingSet
    val: PlainSet
    epochs_done: int = 0
    best: Best | None = None


def start(dataset: Dataset, options: FitOptions, runs: Path, name: str | None) -> Training:
    """Check everything, make the run folder, paste what is asked for and read all pictures.

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
    return _prepare(unfinished_run(root, TASK, STATE), dataset)


def _prepare(run: Run, dataset: Dataset) -> Training:
    options = run_options(run, FitOptions)
    with kept(run, options):
        check_logger(options.logger)
        device = choose_device(options.device)
        view = run_view(run, dataset)
        done, best = 0, None
        if (run.weights / STATE).is_file():
            done, best = _stand(run.weights / STATE)
            print_status(f"resuming after epoch {done} of {options.epochs}")
            model, spec, _ = _new_model(view, msgspec.structs.replace(options, encoder_weights="none"))
        else:
            model, spec, news = _new_model(view, options)
            for line in news:
                print_status(line)
        spec = msgspec.structs.replace(spec, sizes=usual_sizes(view.split("train")))
        return Training(run, view, options, spec, device, model, *_load(view, options), done, best)


def _settled(options: FitOptions) -> FitOptions:
    """The options with everything that was left to us decided. Raises OptionError."""
    check_logger(options.logger)
    precision = choose_precision(options.precision, choose_device(options.device))
    return msgspec.structs.replace(options, precision=precision)


def kept(run: Run, options: FitOptions) -> AbstractContextManager[None]:
    """Around the work on a run: training.resume.kept_if_begun."""
    return kept_if_begun(run, run.weights / STATE, options.epochs, lambda path: _stand(path)[0])


def cannot_choose(training: Training) -> str | None:
    """What val lacks so that no epoch can be told the best by what is monitored, or None."""
    if not len(training.val):
        return "image"
    annotated = any(item.coverage.any() for item in training.val.cached)
    return None if annotated or training.options.monitor == "loss" else "annotation"


def train(training: Training) -> None:
    """Run all epochs that are left. What stops it before the first epoch ends leaves no run folder.

    Ctrl-C and SIGTERM leave a run that can be resumed. Raises OptionError where memory does not suffice.
    """
    run, options = training.run, training.options
    if lack := cannot_choose(training):
        print_status(f"val has no {lack}: the last epoch is taken for the best")
    with kept(run, options):
        if training.epochs_done < options.epochs and not _is_exhausted(training):
            try:
                _run_lightning(training, run.weights / STATE if training.epochs_done else None)
            except torch.OutOfMemoryError:
                asked = f"--batch {options.batch} --imgsz {options.imgsz}"
                raise OptionError(asked, "too much for the device's memory", "give less") from None
    done = int(read_history(run.history)[-1]["epoch"])
    if done < options.epochs:
        print_status(f"ended after epoch {done}: {options.patience} epochs without a better {options.monitor}")


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
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with (
        tracked(options.logger, training.run, msgspec.to_builtins(options)) as log,
        warnings.catch_warnings(),
        EpochProgress(options.epochs, len(batches), training.epochs_done, SHOWN) as shown,
    ):
        warnings.simplefilter("ignore")

        def on_epoch(row: Row) -> None:
            log(row)
            shown.epoch(row)

        recorder = Recorder(training.run, training.spec, options, ema, on_epoch)
        trainer = pl.Trainer(
            accelerator={"cuda": "gpu"}.get(training.device.type, training.device.type),
            devices=[training.device.index or 0] if training.device.type == "cuda" else 1,
            precision="bf16-mixed" if options.precision == "bf16" else "32-true",
            max_epochs=options.epochs,
            callbacks=[ema, recorder, LambdaCallback(on_train_batch_end=lambda *_: shown.batch())],
            gradient_clip_val=how.gradient_clip,
            default_root_dir=training.run.root,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        try:
            trainer.fit(module, loader, val, ckpt_path=state, weights_only=True)
        except SystemExit as stop:
            if stop.code == 1:  # what Lightning makes of Ctrl-C
                raise KeyboardInterrupt from None
            raise


def _stand(state: Path) -> tuple[int, Best]:
    """How many epochs a resume state has behind it, and the best of them. Raises WeightsError."""
    try:
        stored = torch.load(io.BytesIO(state.read_bytes()), map_location="cpu", weights_only=True)
        kept = stored["callbacks"][Recorder.__name__]
        return len(kept["rows"]), stored_best(kept)
    except Exception:  # noqa: BLE001  damaged files raise whatever the unpickler stumbles over
        raise WeightsError(state, "damaged, the run cannot be resumed", "start anew without --resume") from None


def _new_model(dataset: Dataset, options: FitOptions) -> tuple[UNet, ModelSpec, list[str]]:
    """Also lines that say which weights the encoder could not take."""
    spec = ModelSpec(
        options.encoder, options.encoder_depth, options.imgsz, dataset.categories, gamma=options.gamma
    )
    torch.manual_seed(options.seed)
    model = UNet(spec)
    return (
        model,
        spec,
        load_encoder_weights(model.net.encoder, options.encoder, options.encoder_depth, options.encoder_weights),
    )


def _load(dataset: Dataset, options: FitOptions) -> tuple[TrainingSet, PlainSet]:
    val = dataset.splits.get("val", CocoFile([], [], dataset.categories))
    train, plain = (load_cached(dataset, coco, options.imgsz) for coco in (dataset.split("train"), val))
    return TrainingSet(train, options.seed, options.augmentation), PlainSet(plain)
