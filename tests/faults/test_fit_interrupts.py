"""Ctrl-C and SIGTERM of the trainings: the documented status, no traceback, no process left, and a run to resume.

    DEFECTLINE_ALL_INTERRUPTS=1 python -m pytest tests/faults/test_fit_interrupts.py

tries every training at every moment with both signals; otherwise each training is stopped once.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.command import run_command
from tests.faults.kill_commands import group_lives
from tests.tiny_runs import TINY

EPOCHS = 3
OPTIONS: dict[str, tuple[object, ...]] = {
    "det": ("--weights", "none", "--imgsz", 64, "--batch", 4),
    "seg": (*TINY["seg"], "--batch", 4),
    "cls": (*TINY["cls"], "--batch", 4),
    "anomaly": ("--method", "autoencoder", "--imgsz", 64, "--alarms", "20%"),
}
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def epochs_done(run: Path) -> int:
    history = run / "history.csv"
    return len(history.read_text().splitlines()) - 1 if history.is_file() else 0


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "starting": lambda _: True,
    "first epoch": lambda run: (run / "config.yaml").is_file(),
    "later epoch": lambda run: epochs_done(run) > 0,
    "predicting": lambda run: epochs_done(run) >= EPOCHS,
}
ALL = list(product(OPTIONS, MOMENTS, STATUS))
FEW = [
    ("det", "later epoch", signal.SIGINT),
    ("seg", "predicting", signal.SIGTERM),
    ("cls", "first epoch", signal.SIGINT),
    ("anomaly", "later epoch", signal.SIGTERM),
]


@pytest.mark.parametrize(("task", "moment", "number"), ALL if os.environ.get("DEFECTLINE_ALL_INTERRUPTS") else FEW)
def test_a_stopped_training_is_silent_and_can_be_resumed(
    task: str, moment: str, number: signal.Signals, coco_folder: Path, tmp_path: Path
) -> None:
    run = tmp_path / task / coco_folder.name
    words = [f"train_{task}", "fit", coco_folder, *OPTIONS[task], "--epochs", EPOCHS, "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, words), "--runs", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and not MOMENTS[moment](run):
        time.sleep(0.01)
    time.sleep(1.0 if moment == "starting" else 0.1)
    os.killpg(process.pid, number)
    text = process.communicate()[1]
    assert process.returncode in {STATUS[number], -number, 0}  # a shell shows -number as 130 or 143, too
    assert "Traceback" not in text
    assert "unexpected" not in text
    assert not group_lives(process.pid)
    left = [path for path in tmp_path.rglob(".*") if path.is_file() and "partial" in path.name]
    assert not left
    if epochs_done(run) and not (run / "metrics.json").is_file():
        assert run_command(f"train_{task}", "fit", coco_folder, "--resume", run) == 0
        assert epochs_done(run) == EPOCHS
        assert (run / "metrics.json").is_file()
