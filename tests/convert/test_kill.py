"""A conversion that is killed leaves its destination absent or complete and no process behind."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datasets.folder import load_dataset
from tests.labelme_files import shape, write_case

FILES = 120
POLYGON = [[5, 5], [50, 8], [40, 35], [9, 30]]


def start(source: Path, dest: Path) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-m", "convert", "labelme2coco", str(source), str(dest), "--jobs", "2"]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, start_new_session=True)


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
    assert start(tmp_path / "src", tmp_path / "whole").wait() == 0
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
        assert start(tmp_path / "src", last).wait() == 0
    assert len(load_dataset(last).splits) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch on Windows")
def test_asked_to_end_it_cleans_up(tmp_path: Path) -> None:
    for i in range(FILES):
        write_case(tmp_path / "src", shape("a", "polygon", POLYGON), name=f"n{i}")
    (tmp_path / "work").mkdir()
    process = start(tmp_path / "src", tmp_path / "work" / "dst")
    deadline = time.monotonic() + 60
    while not any((tmp_path / "work").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    assert process.wait() in {143, 0}
    assert not [p for p in (tmp_path / "work").iterdir() if p.name != "dst"]
