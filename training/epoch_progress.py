"""The progress of a training: a bar with the time left where stderr is a terminal, else a line for each epoch."""

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from system.console import print_status


class EpochProgress:
    """Shows the progress of `epochs` epochs of `batches` batches, of which `done` epochs are complete; a context.

    `shown` are the columns of a history row to show.
    """

    def __init__(self, epochs: int, batches: int, done: int, shown: Sequence[str]) -> None:
        self._epochs = epochs
        self._batches = batches
        self._first = done
        self._shown = shown
        self._started = time.perf_counter()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(
            f"epoch {done + 1}/{epochs}", total=epochs * batches, completed=done * batches
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def batch(self) -> None:
        """Show that one more batch is complete."""
        self._bar.advance(self._task)

    def epoch(self, row: Mapping[str, float]) -> None:
        """Show that the epoch of this history row is complete."""
        done = int(row["epoch"])
        numbers = "  ".join(f"{name} {row[name]:.3f}" for name in self._shown if name in row)
        line = f"epoch {done}/{self._epochs}  {numbers}"
        self._bar.update(self._task, completed=done * self._batches, description=line)
        if self._bar.disable:
            each = (time.perf_counter() - self._started) / (done - self._first)
            left = round(each * (self._epochs - done))
            print_status(f"{line}  {left // 60}:{left % 60:02d} left")
