"""Options of trainings of one epoch that take seconds, and runs that several tests share."""

from collections.abc import Callable
from pathlib import Path

COMMON = ("--epochs", 1, "--imgsz", 64, "--negatives", 2)
TINY: dict[str, tuple[object, ...]] = {
    "seg": (*COMMON, "--encoder-weights", "none", "--encoder-depth", 3),
    "cls": (*COMMON, "--weights", "none"),
    "anomaly": (
        "--imgsz", 64, "--encoder", "resnet18", "--encoder-weights", "none", "--layers", "4,8", "--stride", 8,
        "--patches", 4, "--alarms", "20%",
    ),
}  # fmt: skip
TinyRuns = Callable[[str], Path]  # the finished run of a task
