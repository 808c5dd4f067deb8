"""Kill every writing command at random moments, and look at what it leaves.

    python -m tests.faults.kill_commands 30 [SEED [FIRST LAST]]

Kills each command 30 times, with SIGKILL, SIGTERM and SIGINT in turn. Every other kill waits until the command
has begun to write. A kill that comes after the end is not counted and repeated. Prints a line for each command:
kills, how many of them came while it was writing, how many came too late, how many came while Python itself
started (the traceback names no file of ours but the first import; its last place is printed), and faults: a
destination that is neither absent nor complete, another traceback, a hidden file after Ctrl-C or SIGTERM, a
process that goes on. After SIGKILL the command runs again: it must succeed or refuse the complete destination,
and leave no hidden file.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from convert.coco2labelme import coco2labelme
from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.synth.synth import synth
from tests.faults.test_full_disk import WRITING

ROOT = Path(__file__).parents[2]
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
    """Whether a process of the group is left after two minutes."""
    for _ in range(1200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


@dataclass(frozen=True)
class Normal:
    """A run of a command to its end: seconds until it writes and until it ends, and the files it makes."""

    writes: float
    ends: float
    files: list[str]


def normal_run(name: str, sources: Path, work: Path) -> Normal:
    """Run a command to its end."""
    work.mkdir()
    began = time.monotonic()
    process = start(name, sources, work / "out")
    wait_for_file(process, work)
    writes = time.monotonic() - began
    assert process.wait() == 0, name
    return Normal(writes, time.monotonic() - began, files(work))


def wait_for_file(process: subprocess.Popen[str], work: Path) -> None:
    """Wait until there is a file in `work`, or the process has ended."""
    while process.poll() is None and not any(work.iterdir()):
        time.sleep(0.002)


@dataclass(frozen=True)
class Struck:
    """A kill: whether it came too late, or while the command wrote; where Python was starting; what is wrong."""

    late: bool
    writing: bool
    starting: str
    faults: list[str]


def strike(name: str, sources: Path, normal: Normal, number: signal.Signals, *, writing: bool) -> Struck:
    """Kill a command once at a random moment, after it has begun to write if `writing`."""
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        work = Path(folder) / "work"
        work.mkdir()
        process = start(name, sources, work / "out")
        if writing:
            wait_for_file(process, work)
        time.sleep(random.uniform(0, normal.ends - normal.writes if writing else normal.ends))
        has_files = any(work.iterdir())
        process.send_signal(number)
        text = process.communicate()[1]
        if process.returncode == 0:
            return Struck(late=True, writing=False, starting="", faults=[])
        faults = []
        visible = [path for path in files(work) if not path.startswith(".")]
        if visible and visible != normal.files:
            faults.append("half a destination")
        starting = last_place(text) if "Traceback" in text and not is_ours(text) else ""
        if "Traceback" in text and not starting:
            faults.append(f"traceback: {text}")
        if number != signal.SIGKILL and any(path.startswith(".") for path in files(work)):
            faults.append("hidden files")
        if group_lives(process.pid):
            faults.append("a process goes on")
        if number == signal.SIGKILL and not faults:
            faults += again(name, sources, work, normal.files)
        return Struck(late=False, writing=has_files, starting=starting, faults=faults)


def is_ours(traceback: str) -> bool:
    """Whether a traceback names a file of ours, other than the first import of a command.

    That import (`system.startup`, which silences Ctrl-C) and what Python does before it cannot be silenced.
    """
    first = re.compile(r'File "[^"]*(/__main__\.py|/system/startup\.py)", line \d+, in <module>')
    lines = [line for line in traceback.splitlines() if f'File "{ROOT}' in line]
    return any(not first.search(line) for line in lines)


def last_place(traceback: str) -> str:
    """The last place that a traceback names, without its folder."""
    places = re.findall(r'File "(?:[^"]*/)?([^"/]+", line \d+, in \S+)', traceback)
    return places[-1].replace('"', "") if places else "no place"


def again(name: str, sources: Path, work: Path, whole: list[str]) -> list[str]:
    """What is wrong after the command ran once more."""
    process = start(name, sources, work / "out")
    process.communicate()
    if process.returncode not in {0, 2}:
        return [f"the next run ended with {process.returncode}"]
    return [] if files(work) == whole else [f"the next run leaves {sorted(set(files(work)) ^ set(whole))[:3]}"]


def main(count: int, seed: int = 0, first: int = 0, last: int = len(WRITING)) -> None:
    """Kill each command, or those numbered from `first` to `last` - 1, `count` times."""
    random.seed(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts jobs in the background without it
    with tempfile.TemporaryDirectory(prefix="kill-sources-") as folder:
        sources = prepare(Path(folder) / "sources")
        for name in list(WRITING)[first:last]:
            began = time.monotonic()
            normal = normal_run(name, sources, Path(folder) / f"normal-{name.replace(' ', '')}")
            struck: list[Struck] = []
            while len(effective := [one for one in struck if not one.late]) < count:
                turn = len(effective)
                number = SIGNALS[turn % len(SIGNALS)]
                struck.append(strike(name, sources, normal, number, writing=turn % 2 == 1))
            starts = [one.starting for one in effective if one.starting]
            parts = (
                f"{name}: {count} kills, {sum(one.writing for one in effective)} while writing",
                f"{len(struck) - count} too late, {len(starts)} in Python's own start {starts or ''}".rstrip(),
                f"{time.monotonic() - began:.0f} s",
                "; ".join(fault for one in effective for fault in one.faults) or "no fault",
            )
            print(*parts, sep=", ", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
