"""The recorder of epochs: which epochs store the best model and the state."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluate.history_file import read_history
from evaluate.run_folder import Run
from system.errors import OptionError
from training import epoch_recorder
from training.early_stopping import Best
from training.epoch_progress import EpochProgress
from training.epoch_recorder import EpochRecorder, seconds_between_states
from training.options import SharedOptions

EPOCHS = 6


def stored(
    root: Path, monkeypatch: pytest.MonkeyPatch, values: Sequence[float | None], patience: int = 0
) -> tuple[list[int], list[int]]:
    """The epochs that store the best model, and the state. An epoch takes 4 seconds, a state is due after 10."""
    now = [0.0]
    monkeypatch.setattr(epoch_recorder.time, "monotonic", lambda: now[0])
    run = Run(root, "toy")
    options = SharedOptions(epochs=EPOCHS, patience=patience)
    best: list[int] = []
    states: list[int] = []
    with EpochProgress(EPOCHS, 1, 0, ()) as progress:
        recorder = EpochRecorder(run, options, 0, Best(), progress, lambda _row: None, save_every=10.0)
        for epoch, value in enumerate(values, 1):
            now[0] += 4
            row = {"epoch": float(epoch)}
            if recorder.epoch(row, value, lambda n=epoch: best.append(n), lambda n=epoch: states.append(n)):  # type: ignore[misc]
                break
    assert [row["epoch"] for row in read_history(run.history)] == [float(n) for n in range(1, epoch + 1)]
    return best, states


def test_without_val_the_model_is_stored_with_the_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stored(tmp_path, monkeypatch, [None] * EPOCHS) == ([1, 4, 6], [1, 4, 6])


def test_a_better_epoch_is_stored_at_once_with_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stored(tmp_path, monkeypatch, [0.1, 0.2, 0.1, 0.1, 0.1, 0.1]) == ([1, 2], [1, 2, 5, 6])


def test_the_epoch_that_ends_a_training_by_patience_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stored(tmp_path, monkeypatch, [0.2, 0.1, 0.1, 0.1], patience=2) == ([1], [1, 3])


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "often", ""])
def test_another_time_than_seconds_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFECTLINE_SAVE_EVERY", text)
    with pytest.raises(OptionError, match=r"DEFECTLINE_SAVE_EVERY=.*not a time in seconds"):
        seconds_between_states()


def test_by_default_states_are_twenty_seconds_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEFECTLINE_SAVE_EVERY")
    assert seconds_between_states() == 20
