"""A run that one process trains is refused to a second one."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from system.errors import InputError
from tests.faults.kill_commands import group_lives
from tests.preloaded import PreloadedCommands
from tests.tiny_runs import COMMON
from training.run_lock import hold, locked, release

HOLD = """
import sys
from pathlib import Path
from training.run_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(InputError, match="another process is training this run"), locked(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass


def test_a_process_that_has_the_lock_may_take_it_again_also_of_a_new_folder(tmp_path: Path) -> None:
    root = tmp_path / "run"
    root.mkdir()
    hold(root)
    hold(root)
    root.rmdir()
    root.mkdir()
    hold(root)
    done = subprocess.run([sys.executable, "-c", HOLD, str(root)], capture_output=True, text=True, check=False)
    assert "another process is training this run" in done.stderr
    release(root)
    done = subprocess.run(
        [sys.executable, "-c", HOLD, str(root)], input="", capture_output=True, text=True, check=True
    )
    assert done.stdout == "held\n"


def train(*words: object) -> subprocess.Popen[bytes]:
    """A training of the classifier, in a group of its own."""
    command = [sys.executable, "-m", "train_cls", "fit", *map(str, words)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)


def wait_for_lock(run: Path) -> None:
    """Wait until no process trains the run: that of a killed client ends a little after it."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with locked(run):
                return
        except InputError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def epochs_of(run: Path) -> list[int]:
    return [int(line.split(",")[0]) for line in (run / "history.csv").read_text().splitlines()[1:]]


def test_of_two_resumes_one_trains_and_the_other_is_one_line(
    coco_folder: Path, tmp_path: Path, preloaded: PreloadedCommands
) -> None:
    def start(log: Path, *words: object) -> subprocess.Popen[bytes]:
        """Its output goes to a file: a pipe that nobody reads would stop a training when it is full."""
        command = preloaded.command("train_cls", "fit", coco_folder, *words)
        with log.open("wb") as stream:
            return subprocess.Popen(command, stderr=stream, stdout=subprocess.DEVNULL)

    logs = [tmp_path / f"log-{number}" for number in range(3)]
    first = start(logs[2], "--runs", tmp_path / "runs", *COMMON, "--weights", "none", "--epochs", 50_000)
    run = tmp_path / "runs" / "cls" / "bottle-coco"
    while not (run / "weights" / "last.ckpt").is_file() and first.poll() is None:
        time.sleep(0.05)
    first.kill()
    first.wait()
    wait_for_lock(run)
    before = epochs_of(run)
    both = [start(log, "--resume", run) for log in logs[:2]]
    while all(process.poll() is None for process in both):
        time.sleep(0.05)
    number = 0 if both[0].poll() is not None else 1
    refused, training = both[number], both[1 - number]
    lines = logs[number].read_text().splitlines()
    assert refused.returncode == 2, lines
    assert lines == [f"train_cls: {run}: another process is training this run; wait until it ends, or end it"]
    while len(epochs_of(run)) <= len(before):
        assert training.poll() is None
        time.sleep(0.05)
    training.terminate()
    assert training.wait() in {0, 143}
    epochs = epochs_of(run)
    assert epochs == list(range(1, len(epochs) + 1))


def test_the_fold_of_a_killed_cross_validation_ends(coco_folder: Path, tmp_path: Path) -> None:
    words = ["--runs", tmp_path / "runs", *COMMON, "--weights", "none", "--epochs", 50_000, "--folds", 2]
    parent = train(coco_folder, *words)
    fold = tmp_path / "runs" / "cls" / "bottle-coco" / "fold-1"
    while not (fold / "weights" / "last.ckpt").is_file() and parent.poll() is None:
        time.sleep(0.05)
    assert parent.poll() is None
    parent.kill()  # the parent alone, not the group
    parent.wait()
    assert not group_lives(parent.pid)
    with locked(fold):  # and the run can be continued
        pass
