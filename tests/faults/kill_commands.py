"""Kill every writing command at random moments, and look at what it leaves.

    python -m tests.faults.kill_commands 30 [SEED [FIRST LAST]]

Prints a line for each command and signal: kills, finished before the kill, and faults: a destination
that is neither absent nor complete, a traceback, a hidden file after Ctrl-C or SIGTERM, a process that goes on.
After SIGKILL the command runs again: it must succeed or refuse the complete destination, and leave no hidden file.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from convert.coco2labelme import coco2labelme
from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.synth.synth import synth
from tests.faults.test_full_disk import WRITING

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def prepare(root: Path) -> Path:
    """The sources of the commands."""
    synth(root / "tree", count=40, size=96, seed=7)
    mvtec2coco([root / "tree"], root / "coco", MvtecOptions(ratios=(0.6, 0.2, 0.2)))
    coco2yolo(root / "coco", root / "yolo", YoloExportOptions())
    coco2labelme(root / "coco", root / "labelme")
    return root


def start(name: str, sources: Path, out: Path) -> subprocess.Popen[str]:
    """The command in a group of its own."""
    words = [sys.executable, "-m", *map(str, WRITING[name](sources, out))]
    return subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def files(folder: Path) -> list[str]:
    """Everything in `folder`, by relative path."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def group_lives(group: int) -> bool:
    """Whether a process of the group is left after 20 seconds."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def strike(name: str, sources: Path, takes: float, number: signal.Signals, whole: list[str]) -> tuple[bool, str]:
    """Kill a command once at a random moment: whether it had finished, and what is wrong afterwards."""
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        process = start(name, sources, work / "out")
        time.sleep(random.uniform(0, takes))
        process.send_signal(number)
        text = process.communicate()[1]
        faults = []
        visible = [path for path in files(work) if not path.startswith(".")]
        if visible and visible != whole:
            faults.append("half a destination")
        if "Traceback" in text and "site.py" not in text and "runpy" not in text:
            faults.append(f"traceback: {text.splitlines()[-1]}")
        if number != signal.SIGKILL and any(path.startswith(".") for path in files(work)):
            faults.append("hidden files")
        if group_lives(process.pid):
            faults.append("a process goes on")
        if number == signal.SIGKILL and not faults:
            faults += again(name, sources, work, whole)
        return process.returncode == 0, ", ".join(faults)


def again(name: str, sources: Path, work: Path, whole: list[str]) -> list[str]:
    """What is wrong after the command ran once more."""
    process = start(name, sources, work / "out")
    process.communicate()
    if process.returncode not in {0, 2}:
        return [f"the next run ended with {process.returncode}"]
    return [] if files(work) == whole else [f"the next run leaves {sorted(set(files(work)) ^ set(whole))[:3]}"]


def main(count: int, seed: int = 0, first: int = 0, last: int = len(WRITING)) -> None:
    """Strike each command, or those numbered from `first` to `last` - 1, `count` times with each signal."""
    random.seed(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts jobs in the background without it
    with tempfile.TemporaryDirectory(prefix="kill-sources-") as folder:
        sources = prepare(Path(folder) / "sources")
        for name in list(WRITING)[first:last]:
            complete = Path(folder) / "complete"
            complete.mkdir()
            began = time.monotonic()
            assert start(name, sources, complete / "out").wait() == 0, name
            takes, whole = time.monotonic() - began, files(complete)
            for number in SIGNALS:
                struck = [strike(name, sources, takes, number, whole) for _ in range(count)]
                faults = [fault for _, fault in struck if fault]
                print(name, number.name, count, sum(done for done, _ in struck), faults or "no fault", flush=True)
            complete.rename(Path(folder) / f"complete-{name.replace(' ', '')}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
