"""One line about a running training: a bar with the time left on a terminal, a line now and then in a log."""

import sys
from types import TracebackType
from typing import Any, Self

import lightning.pytorch as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from datasets.console import say

LINES_IN_A_LOG = 20


class TrainingProgress(pl.Callback):  # type: ignore[misc]  # Lightning is untyped here
    """Shows how far a training is; a context manager around it."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.every = max(1, epochs // LINES_IN_A_LOG)
        self.bar = (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TimeRemainingColumn(),
                TextColumn("left"),
                console=Console(stderr=True),
                transient=True,
            )
            if sys.stderr.isatty()
            else None
        )

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:  # noqa: ARG002
        """Know how many batches there are, and how many a resumed training has done."""
        if self.bar:
            per_epoch = int(trainer.num_training_batches)
            self.bar.add_task(
                f"epoch {trainer.current_epoch + 1}/{self.epochs}",
                total=per_epoch * self.epochs,
                completed=per_epoch * trainer.current_epoch,
            )

    def on_train_batch_end(self, *_: Any) -> None:
        """One batch further."""
        if self.bar:
            self.bar.advance(self.bar.tasks[0].id)

    def on_epoch(self, row: dict[str, float]) -> None:
        """Tell what an epoch brought."""
        epoch = int(row["epoch"])
        told = "  ".join(
            f"{name} {row[name]:.3f}" for name in ("train_loss", "val_dice", "val_iou") if name in row
        )
        line = f"epoch {epoch}/{self.epochs}  {told}"
        if self.bar:
            self.bar.update(self.bar.tasks[0].id, description=line)
        elif epoch % self.every == 0 or epoch in {1, self.epochs}:
            say(f"{line}  {row['seconds']:.1f} s")
