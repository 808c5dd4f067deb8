"""Options of trainings of one epoch that take seconds, and runs that several tests share."""

from collections.abc import Callable
from pathlib import Path

COMMON = ("--epochs", 1, "--imgsz", 64, "--negatives", 2)
TINY: dict[str, tuple[object, ...]] = {
    "seg": (*COMMON, "--encoder-weights", "none", "--encoder-depth", 3),
    "cls": (*COMMON, "--weights", "none"),
}
TinyRuns = Callable[[str], Path]  # the finished run of a task
