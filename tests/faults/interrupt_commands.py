"""Press Ctrl-C at random moments of three commands, started as console scripts, and look at what they print.

    python -m tests.faults.interrupt_commands 30 [SEED]

Prints a line for each command: how many interrupts came after the end, ended it silently or with its own line,
came while Python itself started (a traceback that names no module of ours), and ended it with another traceback.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.kill_commands import files, group_lives, prepare

ROOT = Path(__file__).parents[2]
TRAINING = ("--epochs", 1, "--imgsz", 64, "--negatives", 2, "--encoder-weights", "none", "--encoder-depth", 3)


def start(room: str, words: tuple[object, ...]) -> subprocess.Popen[str]:
    """A command as its console script runs it, in a group of its own."""
    script = f"import sys; sys.argv[0] = {room!r}; from {room}.__main__ import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def strike(room: str, words: tuple[object, ...], takes: float) -> str:
    """Interrupt a command once, and what happened."""
    process = start(room, words)
    time.sleep(random.uniform(0, takes))
    process.send_signal(signal.SIGINT)
    text = process.communicate()[1]
    if group_lives(process.pid):
        return "a process goes on"
    if "Traceback" in text:
        ours = [line for line in text.splitlines() if f'File "{ROOT}' in line]
        return f"traceback: {ours[-1].strip()}" if ours else "Python's own start"
    if process.returncode in {130, -signal.SIGINT}:
        return "silent"
    return "after the end" if process.returncode == 0 else f"status {process.returncode}: {text[-200:]}"


def main(count: int, seed: int = 0) -> None:
    """Interrupt each command `count` times."""
    random.seed(seed)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts jobs in the background without it
    with tempfile.TemporaryDirectory(prefix="interrupt-") as folder:
        sources, out = prepare(Path(folder) / "sources"), Path(folder) / "out"
        commands: dict[str, tuple[object, ...]] = {
            "convert": ("labelme2coco", sources / "labelme", out / "coco", "--unlabelled", "negative"),
            "view": (sources / "coco", "--split", "all", "--out", out / "page.html"),
            "train_seg": ("fit", sources / "coco", "--runs", out / "runs", *TRAINING),
        }
        for room, words in commands.items():
            out.mkdir()
            began = time.monotonic()
            assert start(room, words).wait() == 0, room
            takes, seen, left = time.monotonic() - began, Counter[str](), 0
            for _ in range(count):
                subprocess.run(["rm", "-rf", str(out)], check=True)
                out.mkdir()
                seen[strike(room, words, takes)] += 1
                left += any(Path(one).name.startswith(".") for one in files(out))
            print(room, count, f"{takes:.1f} s", dict(seen), f"{left} left hidden files", flush=True)
            subprocess.run(["rm", "-rf", str(out)], check=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
