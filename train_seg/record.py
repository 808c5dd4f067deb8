"""What a training leaves behind after every epoch, in an order that a kill at any moment cannot spoil."""

import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import msgspec

from evaluate.run_folder import Run
from train_seg.model import ModelSpec, save_model
from train_seg.module import SegmenterModule, WeightEma
from train_seg.options import FitOptions
from training.early_stopping import Best, stored_best
from training.history import write_history

BEST, LAST, STATE = "best.safetensors", "last.safetensors", "last.ckpt"
Row = dict[str, float]


class Recorder(pl.Callback):  # type: ignore[misc]  # Lightning is untyped here
    """Writes best, last, history and the resume state after each epoch, and calls `on_epoch` with the row.

    The resume state comes last: until it is there, resuming repeats the epoch and writes the same again.
    """

    def __init__(
        self, run: Run, spec: ModelSpec, options: FitOptions, ema: WeightEma, on_epoch: Callable[[Row], None]
    ) -> None:
        self.run = run
        self.spec = spec
        self.options = options
        self.ema = ema
        self.on_epoch = on_epoch
        self.rows: list[Row] = []
        self.best = Best()
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
        self.rows.append(row)
        state = self.ema.averaged()
        spec = msgspec.structs.replace(self.spec, epoch=int(row["epoch"]))
        if self._is_best(row):
            save_model(self.run.weights / BEST, state, spec)
        save_model(self.run.weights / LAST, state, spec)
        write_history(self.run.history, self.rows)
        self._save_state(trainer)
        self.on_epoch(row)
        if self.best.exhausted(int(row["epoch"]), self.options.patience):
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """For the resume state."""
        return {"rows": self.rows, "best": msgspec.to_builtins(self.best)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From the resume state."""
        self.rows = list(state_dict["rows"])
        self.best = stored_best(state_dict)

    def _is_best(self, row: Row) -> bool:
        """Whether no earlier epoch was better; without a validation every epoch is, so that best is last."""
        value = row.get(f"val_{self.options.monitor}")
        if value is None:
            return True
        value = -value if self.options.monitor == "loss" else value
        self.best, kept = self.best.after(int(row["epoch"]), value)
        return kept

    def _save_state(self, trainer: pl.Trainer) -> None:
        partial = self.run.weights / f".{STATE}"
        try:
            trainer.save_checkpoint(partial)
            partial.replace(self.run.weights / STATE)
        finally:
            partial.unlink(missing_ok=True)
