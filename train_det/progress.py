"""One line an epoch, with the time left: a bar where stderr is a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datasets.console import say

SHOWN = ("train_loss", "val_loss", "AP", "AP50")


class EpochProgress:
    """Shows how far a training is; used as a context."""

    def __init__(self, epochs: int, done: int = 0) -> None:
        self._epochs = epochs
        self._first = done
        self._started = time.perf_counter()
        self._bar = Progress(
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("", total=epochs, completed=done)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, row: Mapping[str, float]) -> None:
        """Show that the epoch of this history row is done."""
        numbers = "  ".join(f"{name} {row[name]:.3f}" for name in SHOWN if name in row)
        done = int(row["epoch"])
        self._bar.update(self._task, completed=done, description=numbers)
        if self._bar.disable:
            each = (time.perf_counter() - self._started) / (done - self._first)
            left = round(each * (self._epochs - done))
            say(f"epoch {done}/{self._epochs}  {numbers}  {left // 60}:{left % 60:02d} left")
