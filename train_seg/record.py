"""The files of the segmenter after every epoch: best and last weights, and the state to resume from."""

import io
import time
from pathlib import Path

import lightning.pytorch as pl
import msgspec
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from evaluate.run_folder import Run
from system.files import write_atomic
from train_seg.model import ModelSpec, save_model
from train_seg.module import SegmenterModule, WeightEma
from train_seg.names import BEST, LAST, STATE
from train_seg.options import SegmenterOptions
from training.epoch_recorder import EpochRecorder

Row = dict[str, float]


class AtomicCheckpoints(TorchCheckpointIO):  # type: ignore[misc]
    """Writes the resume state next to its destination and renames it.

    Lightning itself would need space in TMPDIR.
    """

    def save_checkpoint(self, checkpoint: dict[str, object], path: Path, storage_options: object = None) -> None:  # noqa: ARG002
        """Write atomically; without enough space, the state of the previous epoch remains."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_atomic(Path(path), buffer.getvalue())


class Recorder(pl.Callback):  # type: ignore[misc]  # Lightning is untyped here
    """Passes each epoch to the shared recorder and writes its weights.

    The name of this class is a key in last.ckpt.
    """

    def __init__(
        self, run: Run, spec: ModelSpec, options: SegmenterOptions, ema: WeightEma, recorder: EpochRecorder
    ) -> None:
        self.run = run
        self.spec = spec
        self.options = options
        self.ema = ema
        self.recorder = recorder
        self.started = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Note the time."""
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write everything."""
        if not isinstance(pl_module, SegmenterModule):
            raise TypeError("records trainings of a SegmenterModule")
        row: Row = {"epoch": trainer.current_epoch + 1, "lr": trainer.optimizers[0].param_groups[0]["lr"]}
        row["train_loss"] = float(sum(float(loss) for loss in pl_module.losses) / max(1, len(pl_module.losses)))
        pl_module.losses = []
        row |= pl_module.validation_metrics()
        row["seconds"] = time.monotonic() - self.started
        state = self.ema.averaged()
        spec = msgspec.structs.replace(self.spec, epoch=int(row["epoch"]))

        def save_last() -> None:
            if trainer.is_global_zero:
                save_model(self.run.weights / LAST, state, spec)
            self._save_state(trainer)  # by every process; Lightning writes in the first one

        if self.recorder.epoch(
            row, self._monitored(row), lambda: save_model(self.run.weights / BEST, state, spec), save_last
        ):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, object]:
        """The state to store in the resume state."""
        return {"rows": self.recorder.rows, "best": msgspec.to_builtins(self.recorder.best)}

    def _monitored(self, row: Row) -> float | None:
        value = row.get(f"val_{self.options.monitor}")
        return -value if value is not None and self.options.monitor == "loss" else value

    def _save_state(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.run.weights / STATE)
