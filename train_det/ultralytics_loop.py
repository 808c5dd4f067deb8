"""The training loop of Ultralytics with our images, our validation, and checkpoints from which it continues
exactly.

Checkpoints of Ultralytics contain only half-precision averages, so a resumed training differs from an
uninterrupted one. Our checkpoints contain the weights, their average and the optimiser in full precision. Only the
training images are random, and they depend only on seed and epoch.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from system.errors import DefectlineError
from train_det import ultralytics_api
from train_det.checkpoints import State
from train_det.data import TrainingImages, on_device, training_loader
from train_det.loss import FullPrecisionLoss
from train_det.options import DetectorOptions
from train_det.ultralytics_api import DetectionTrainer, ModelEMA
from training.batches import EpochBatches
from training.device import out_of_memory
from training.device_group import DeviceGroup
from training.group_norm import use_group_norm


class Epoch(msgspec.Struct, frozen=True):
    """The result of one epoch: its row of the history, the monitored value, the averaged model.

    `take_state` returns the state to continue after this epoch.
    """

    row: dict[str, float]
    monitored: float | None
    model: nn.Module
    take_state: Callable[[], State]


class NoMetrics:
    """Replaces the list of names of validation metrics that the loop of Ultralytics requires."""

    keys: ClassVar[list[str]] = []


class OwnValidation:
    """Replaces the validator of Ultralytics."""

    metrics = NoMetrics()


class UltralyticsLoop(DetectionTrainer):  # type: ignore[misc]
    """One training of `model`; `validate_model` measures it on val, `on_epoch` stores the epoch.

    Training ends when `on_epoch` returns True. With `state`, the result of Epoch.take_state in an earlier process,
    it continues after that epoch. With a `group`, `batches` are the parts of this process. Ultralytics trains as
    on one device; outputs, batch statistics and gradients are exchanged here.
    """

    def __init__(
        self,
        model: nn.Module,
        images: TrainingImages,
        batches: EpochBatches,
        options: DetectorOptions,
        device: torch.device,
        folder: Path,
        validate_model: Callable[[nn.Module], tuple[Mapping[str, float], float | None]],
        on_epoch: Callable[[Epoch], bool],
        on_batch: Callable[[], None],
        state: State | None = None,
        group: DeviceGroup | None = None,
    ) -> None:
        self._images = images
        self._batches = batches
        self._validate_model = validate_model
        self._on_epoch = on_epoch
        self._on_batch = on_batch
        self._state = state
        self._options = options
        self._group = group
        threads = torch.get_num_threads()
        super().__init__(overrides=loop_settings(options, device, folder))
        self.optimizer: Any = None
        self.model: Any = model.to(memory_format=torch.channels_last)
        if group:
            torch.set_num_threads(threads)  # the processes divide the processors
        elif device.type == "cpu":
            ultralytics_api.choose_threads()

    def get_dataset(self) -> dict[str, object]:
        """Return no files, because the images are in memory."""
        return {"train": "", "val": "", "channels": 3, "nc": 0, "names": {}}

    def set_model_attributes(self) -> None:
        """Set the gains of the loss; class names are set already."""
        self.model.args = self.args

    def _build_train_pipeline(self) -> None:
        if self.optimizer is not None:  # the loop would continue with half the batch, contrary to config.yaml
            raise out_of_memory(self._options.batch, self._options.imgsz)
        self.train_loader = training_loader(self._images, self._batches, self._options.workers)
        self.test_loader = self.train_loader
        self.accumulate = 1
        chosen = self._options.optimisation
        self.optimizer = self.build_optimizer(
            self.model, chosen.optimizer, float(chosen.lr), chosen.momentum, chosen.weight_decay
        )
        self._setup_scheduler()

    def get_validator(self) -> OwnValidation:
        """Return no validator of Ultralytics: `validate` measures."""
        return OwnValidation()

    def resume_training(self, ckpt: object) -> None:  # noqa: ARG002
        """Set up the average of the weights, restore the state, if there is one, and agree with the other devices.

        The average keeps the usual batch normalisation, so that its checkpoints are those of one device.
        """
        chosen = self._options.optimisation
        self.model.criterion = None
        self.ema = ModelEMA(self.model, decay=chosen.average_decay, tau=chosen.average_ramp)
        self._loss = FullPrecisionLoss(self.model, self._group)
        self.model.criterion = self._loss
        if self._state is not None:
            self._restore(self._state)
        if self._group:
            self._group.equalise(self.model)
            use_group_norm(self.model, self.device)

    def _restore(self, state: State) -> None:
        self.model.load_state_dict(state["model"])
        self.ema.ema.load_state_dict(state["average"])
        self.ema.updates = state["updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.start_epoch = state["epoch"]

    def _model_train(self) -> None:
        super()._model_train()
        for name, module in self.model.named_modules() if self._group else ():
            if isinstance(module, _BatchNorm) and any(frozen in name for frozen in self.freeze_layer_names):
                module.eval()  # Ultralytics recognises only nn.BatchNorm2d

    def optimizer_step(self) -> None:
        """Clip the gradients, of the whole batch, and change the weights and their average."""
        if self._group:
            self._group.average_gradients(self.model)
        super().optimizer_step()

    def take_state(self) -> State:
        """The state that a later training needs to continue exactly after this epoch."""
        return {
            "epoch": self.epoch + 1,
            "model": self.model.state_dict(),
            "average": self.ema.ema.state_dict(),
            "updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(),
        }

    def preprocess_batch(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Images and boxes on the device of the model."""
        return on_device(batch, self.device)

    def run_callbacks(self, event: str) -> None:
        """Handle the events that we need; the images of an epoch are a function of its number."""
        if event == "on_train_batch_end":
            self._on_batch()
        if event == "on_train_epoch_start":
            self._batches.set_epoch(self.epoch)
            torch.manual_seed(self._options.seed + self.epoch)  # RT-DETR draws noise for its queries
            self._loss.set_epoch(self.epoch)
            self._started = time.perf_counter()

    def validate(self) -> tuple[dict[str, float], float]:
        """Measure the averaged weights on val."""
        metrics, self._monitored = self._validate_model(self.ema.ema)
        return dict(metrics), self._monitored or 0.0

    def _handle_nan_recovery(self, epoch: int) -> bool:
        if not torch.isfinite(self.loss):
            raise DefectlineError(
                f"epoch {epoch + 1}", "the loss is no longer a number", "lower the learning rate or raise --batch"
            )
        return False

    def save_metrics(self, metrics: object) -> None:
        """Write no results.csv, because `on_epoch` stores the history."""

    def save_model(self) -> bool:
        """Pass the epoch to `on_epoch`."""
        losses = {name: float(value) for name, value in self.tloss.items()}
        row = {
            "epoch": self.epoch + 1.0,
            "train_loss": sum(losses.values()),
            **losses,
            **self.metrics,
            "lr": self.optimizer.param_groups[0]["lr"],
            "seconds": time.perf_counter() - self._started,
        }
        self.stop |= self._on_epoch(Epoch(row, self._monitored, self.ema.ema, self.take_state))
        return True

    def final_eval(self) -> None:
        """Do nothing: the shared `finish` measures the best epoch."""


def loop_settings(options: DetectorOptions, device: torch.device, folder: Path) -> dict[str, object]:
    """The options of Ultralytics for ours. All options that write, draw, download or augment are off."""
    chosen = options.optimisation
    return {
        "task": "detect", "mode": "train", "model": "", "data": "",
        "save_dir": str(folder), "project": str(folder), "name": "ultralytics", "exist_ok": True,
        "epochs": options.epochs, "imgsz": options.imgsz, "batch": options.batch, "nbs": options.batch,
        "device": str(device), "seed": options.seed, "workers": options.workers, "deterministic": True,
        "amp": "bf16" if options.precision == "bf16" else False, "patience": 0, "plots": False, "verbose": False,
        "close_mosaic": 0, "cos_lr": True, "multi_scale": 0.0, "cache": False, "compile": False,
        "freeze": chosen.freeze_layers or None, "optimizer": chosen.optimizer, "lr0": chosen.lr,
        "lrf": chosen.final_lr, "momentum": chosen.momentum, "weight_decay": chosen.weight_decay,
        "warmup_epochs": chosen.warmup_epochs, "warmup_bias_lr": 0.0, "warmup_momentum": 0.8,
        "box": chosen.box_gain, "cls": chosen.class_gain, "dfl": chosen.dfl_gain,
    }  # fmt: skip
