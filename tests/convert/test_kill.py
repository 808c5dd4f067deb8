"""A conversion that is killed leaves its destination absent or complete and no process behind."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datasets.files import new_folder
from datasets.folder import load_dataset
from tests.labelme_files import shape, write_case

FILES = 120
POLYGON = [[5, 5], [50, 8], [40, 35], [9, 30]]


def start(source: Path, dest: Path) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "convert", "labelme2coco", str(source), str(dest), "--jobs", "2"]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, start_new_session=True)


def wait_for_a_file(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.001)


def living(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups on Windows")
def test_killed_at_any_moment(tmp_path: Path) -> None:
    for i in range(FILES):
        write_case(tmp_path / "src", shape("a", "polygon", POLYGON), name=f"n{i}")
    begin = time.monotonic()
    assert start(tmp_path / "src", tmp_path / "whole").wait(timeout=120) == 0
    takes = time.monotonic() - begin
    chance = random.Random(5)
    for i in range(4):
        dest = tmp_path / "work" / f"dst{i}"
        process = start(tmp_path / "src", dest)
        time.sleep(chance.uniform(0.3, 1.0) * takes)
        process.kill()
        process.wait()
        if dest.exists():
            assert sum(len(coco.images) for coco in load_dataset(dest).splits.values()) == FILES
            assert len(list((dest / "masks").iterdir())) == FILES
        # the processes of the pool see within moments that their parent is gone
        deadline = time.monotonic() + 20
        while living(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not living(process.pid)
    last = tmp_path / "work" / "dst0"
    if not last.exists():
        assert start(tmp_path / "src", last).wait(timeout=120) == 0
    assert len(load_dataset(last).splits) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch on Windows")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_it_cleans_up_and_ends(tmp_path: Path, number: signal.Signals) -> None:
    for i in range(FILES):
        write_case(tmp_path / "src", shape("a", "polygon", POLYGON), name=f"n{i}")
    chance = random.Random(9)
    for i in range(8):
        work = tmp_path / f"work{i}"
        work.mkdir()
        process = start(tmp_path / "src", work / "dst")
        wait_for_a_file(work)
        # the pool starts its processes about now: a signal between two of them must not leave one waiting
        time.sleep(chance.uniform(0, 0.03))
        process.send_signal(number)
        # 0 or the bare signal: it had finished already
        assert process.wait(timeout=120) in {143, 130, 0, -number}
        assert not [p for p in work.iterdir() if p.name != "dst"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of folders on Windows")
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    for i in range(FILES):
        write_case(tmp_path / "src", shape("a", "polygon", POLYGON), name=f"n{i}")
    work = tmp_path / "work"
    work.mkdir()
    killed = start(tmp_path / "src", work / "dst")
    wait_for_a_file(work)
    killed.kill()
    killed.wait()
    deadline = time.monotonic() + 60
    while living(killed.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [p.name for p in work.iterdir() if p.name.startswith(".dst.partial-")]
    with new_folder(work / "dst") as partial:  # its own is not taken for a left one, nor that of a second writer
        with new_folder(work / "dst"):
            assert partial.is_dir()
        shutil.rmtree(work / "dst")
    assert [p.name for p in work.iterdir()] == ["dst"]
