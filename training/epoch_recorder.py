"""Store the result of epochs, in an order in which a kill at any moment loses only what is not stored yet."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum

import msgspec

from evaluate.history_file import read_history
from evaluate.run_folder import Run
from system.errors import OptionError
from training.device_group import DeviceGroup
from training.early_stopping import Best
from training.epoch_progress import EpochProgress
from training.history import write_history
from training.loggers import Row, logging_to
from training.options import SharedOptions

VARIABLE = "DEFECTLINE_SAVE_EVERY"
SAVE_EVERY = 20.0  # seconds; an epoch of few images takes less time than writing the state of its optimizer


class Decision(IntEnum):
    """What the process that leads a training on several devices decides at the end of an epoch."""

    CONTINUE = 0
    SAVE = 1
    END = 2


class EpochRecorder:
    """Writes the history, decides which epoch is the best, and shows the progress.

    `rows` are the rows of the history and `best` the best epoch so far. States are stored after the first epoch,
    the last one and each one that val finds better, and otherwise when `save_every` seconds have passed.
    """

    def __init__(
        self,
        run: Run,
        options: SharedOptions,
        done: int,
        best: Best,
        progress: EpochProgress,
        log: Callable[[Row], None],
        *,
        save_every: float = 0.0,
        group: DeviceGroup | None = None,
    ) -> None:
        self.rows = [row for row in read_history(run.history) if row["epoch"] <= done]
        self.best = best
        self._run = run
        self._options = options
        self._save_every = save_every
        self._group = group
        self._saved: float | None = None
        self._progress = progress
        self._log = log

    def batch(self) -> None:
        """Show that one more batch is done."""
        self._progress.batch()

    def epoch(
        self,
        row: dict[str, float],
        monitored: float | None,
        save_best: Callable[[], None],
        save_state: Callable[[], None],
    ) -> bool:
        """Keep the epoch of a history row, and return whether it is the last one by `patience`.

        `row` has an `epoch`, from 1. `monitored` is larger for a better epoch; None if val cannot choose an epoch;
        each epoch then replaces the one before. `save_state` comes after everything else: until it is done,
        resuming repeats the epochs since the last state and writes the same again. On several devices every
        process calls `save_state`, and only the one that leads calls `save_best`.
        """
        number = int(row["epoch"])
        better = False
        if monitored is not None:
            self.best, better = self.best.after(number, monitored)
        last = self.best.exhausted(number, self._options.patience)
        due = better or last or number == self._options.epochs or self._is_time()
        if better or (due and monitored is None):
            save_best()
        self.rows.append(row)
        write_history(self._run.history, self.rows)
        if due:
            self._decide(Decision.SAVE)
            save_state()
            self._saved = time.monotonic()
        self._log(row)
        self._progress.epoch(row)
        self._decide(Decision.END if last else Decision.CONTINUE)
        return last

    def _decide(self, decision: Decision) -> None:
        if self._group:
            self._group.word(decision)

    def _is_time(self) -> bool:
        return self._saved is None or time.monotonic() - self._saved >= self._save_every


@contextmanager
def recording(
    run: Run,
    options: SharedOptions,
    *,
    done: int,
    best: Best,
    batches: int,
    shown: Sequence[str],
    group: DeviceGroup | None = None,
) -> Iterator[EpochRecorder]:
    """A recorder for the epochs after the first `done`, with its progress bar and logger open.

    DEFECTLINE_SAVE_EVERY in the environment is the time between stored states in seconds. Raises OptionError.

    `best` is the best of the first `done` epochs, `batches` the number in an epoch, `shown` the columns to show.
    """
    with (
        logging_to(options.logger, run, msgspec.to_builtins(options)) as log,
        EpochProgress(options.epochs, batches, done, shown) as progress,
    ):
        every = seconds_between_states()
        yield EpochRecorder(run, options, done, best, progress, log, save_every=every, group=group)


def seconds_between_states() -> float:
    """The least time between two stored states. Raises OptionError."""
    text = os.environ.get(VARIABLE, str(SAVE_EVERY))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise OptionError(
            f"{VARIABLE}={text}", "not a time in seconds", "give a number from 0, which stores every epoch"
        )
    return seconds
