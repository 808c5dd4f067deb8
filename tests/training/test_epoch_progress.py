"""What is printed of a running training: every epoch in a log, a bar on a terminal."""

import io
import sys

import pytest

from training.epoch_progress import EpochProgress

SHOWN = ("train_loss", "AP")


def test_in_a_log_each_epoch_has_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of five epochs are behind it, and each takes 50 seconds: after the third 100 are left."""
    now = iter([1000.0, 1050.0, 1100.0])
    monkeypatch.setattr("training.epoch_progress.time.perf_counter", lambda: next(now))
    with EpochProgress(5, 7, 2, SHOWN) as progress:
        progress.batch()
        progress.epoch({"epoch": 3, "train_loss": 0.5, "AP": 0.25, "lr": 0.1})
        progress.epoch({"epoch": 4, "train_loss": 0.125})
    assert capsys.readouterr().err.splitlines() == [
        "epoch 3/5  train_loss 0.500  AP 0.250  1:40 left",
        "epoch 4/5  train_loss 0.125  0:50 left",
    ]


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_bar_is_as_long_as_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    progress = EpochProgress(4, 10, 1, SHOWN)
    task = progress._bar.tasks[0]
    assert (task.description, task.total, task.completed) == ("epoch 2/4", 40, 10)
    for _ in range(3):
        progress.batch()
    assert task.completed == 13
    with progress:
        progress.epoch({"epoch": 2, "AP": 0.5})
    assert (task.description, task.completed) == ("epoch 2/4  AP 0.500", 20)
    assert "epoch 2/4  AP 0.500" in terminal.getvalue()
