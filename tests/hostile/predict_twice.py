"""Predict two images by a run, print the peak of memory after each, and end with the status of the second."""

import sys
from pathlib import Path

from tests.command import run_command


def peak() -> int:
    """The most memory in bytes that this process had."""
    status = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])


def main(task: str, run: str, first: str, second: str) -> int:
    """The exit status of the second prediction; 1 if the first one fails."""
    if run_command(f"train_{task}", "predict", run, first) != 0:
        return 1
    usual = peak()
    status = run_command(f"train_{task}", "predict", run, second)
    print(usual, peak())
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
