"""Store the result of each epoch, in an order in which a kill at any moment loses nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from evaluate.run_folder import Run
from training.early_stopping import Best
from training.epoch_progress import EpochProgress
from training.history import read_history, write_history
from training.loggers import Row, logging_to
from training.options import SharedOptions


class EpochRecorder:
    """Writes the history, decides which epoch is the best, and shows the progress.

    `rows` are the rows of the history and `best` the best epoch so far.
    """

    def __init__(
        self,
        run: Run,
        patience: int,
        done: int,
        best: Best,
        progress: EpochProgress,
        log: Callable[[Row], None],
    ) -> None:
        self.rows = [row for row in read_history(run.history) if row["epoch"] <= done]
        self.best = best
        self._run = run
        self._patience = patience
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
        resuming repeats the epoch and writes the same again.
        """
        number = int(row["epoch"])
        keep = True
        if monitored is not None:
            self.best, keep = self.best.after(number, monitored)
        if keep:
            save_best()
        self.rows.append(row)
        write_history(self._run.history, self.rows)
        save_state()
        self._log(row)
        self._progress.epoch(row)
        return self.best.exhausted(number, self._patience)


@contextmanager
def recording(
    run: Run, options: SharedOptions, *, done: int, best: Best, batches: int, shown: Sequence[str]
) -> Iterator[EpochRecorder]:
    """A recorder for the epochs after the first `done`, with its progress bar and logger open. Raises OptionError.

    `best` is the best of the first `done` epochs, `batches` the number in an epoch, `shown` the columns to show.
    """
    with (
        logging_to(options.logger, run, msgspec.to_builtins(options)) as log,
        EpochProgress(options.epochs, batches, done, shown) as progress,
    ):
        yield EpochRecorder(run, options.patience, done, best, progress, log)
