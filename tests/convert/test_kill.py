"""After a conversion is killed, its destination is absent or complete, and no process remains."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.yolo_segments import Style
from system.files import new_folder
from tests.labelme_files import shape, write_case

FILES = 120
POLYGON = [[5, 5], [50, 8], [40, 35], [9, 30]]
COMMANDS = {
    "labelme2coco": ["labelme"],
    "mvtec2coco": ["tree"],
    "masks2coco": ["tree/test/dent", "tree/ground_truth/dent", "--category", "dent", "--pattern", "{stem}_mask"],
    "coco2yolo": ["coco", "--segments"],
    "coco2masks": ["coco"],
    "coco2labelme": ["coco"],
    "yolo2coco": ["yolo"],
}
# The dataset is complete, but not yet renamed, and the processes of the pool still run.
HELD = """
import sys
from convert import assemble, cli

write = assemble._write_dataset

def write_and_wait(*arguments):
    write(*arguments)
    print("written", flush=True)
    sys.stdin.read()

assemble._write_dataset = write_and_wait
cli.main()
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each kind with `FILES` images in it."""
    root = tmp_path_factory.mktemp("sources")
    for i in range(FILES):
        write_case(root / "labelme", shape("a", "polygon", POLYGON), name=f"n{i}")
    coco = root / "coco"
    labelme2coco(root / "labelme", coco, LabelmeOptions(), Execution(jobs=1))
    coco2yolo(coco, root / "yolo", YoloExportOptions(style=Style(segments=True)), Execution(jobs=1))
    for kind, folder, ending in (("images", "test", ""), ("masks", "ground_truth", "_mask")):
        (root / "tree" / folder / "dent").mkdir(parents=True)
        for path in (coco / kind).iterdir():
            shutil.copyfile(path, root / "tree" / folder / "dent" / f"{path.stem}{ending}.png")
    return root


def start(command: str, sources: Path, dest: Path) -> subprocess.Popen[bytes]:
    first, *rest = COMMANDS[command]
    places = [str(sources / first), *(str(sources / p) for p in rest if "/" in p), str(dest)]
    options = [p for p in rest if "/" not in p]
    arguments = [sys.executable, "-m", "convert", command, *places, *options, "--jobs", "2"]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, start_new_session=True)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def wait_for_a_file(folder: Path) -> None:
    deadline = time.monotonic() + 60
    while not any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.001)


def ended(group: int) -> bool:
    """Whether all processes of the group end: those of a pool soon notice that their parent has ended."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups on Windows")
@pytest.mark.parametrize("command", list(COMMANDS))
def test_killed_at_any_moment(sources: Path, tmp_path: Path, command: str) -> None:
    begin = time.monotonic()
    assert start(command, sources, tmp_path / "whole").wait(timeout=120) == 0
    takes = time.monotonic() - begin
    whole = files(tmp_path / "whole")
    assert len(whole) > FILES
    chance = random.Random(command)
    for i in range(2):
        work = tmp_path / f"work{i}"
        work.mkdir()
        process = start(command, sources, work / "dst")
        if i:
            wait_for_a_file(work)
        time.sleep(chance.uniform(0.0, 0.3 if i else 1.0) * takes)
        process.kill()
        process.wait()
        if (work / "dst").exists():
            assert files(work / "dst") == whole
        assert ended(process.pid)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to catch on Windows")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_cleans_up_and_ends(sources: Path, tmp_path: Path, number: signal.Signals) -> None:
    chance = random.Random(9)
    for i in range(4):
        work = tmp_path / f"work{i}"
        work.mkdir()
        process = start("labelme2coco", sources, work / "dst")
        wait_for_a_file(work)
        # the pool starts its processes about now: no process may wait forever after a signal between two starts
        time.sleep(chance.uniform(0, 0.03))
        process.send_signal(number)
        # 0 or the signal itself: it had already finished
        assert process.wait(timeout=120) in {143, 130, 0, -number}
        assert not [p for p in work.iterdir() if p.name != "dst"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of folders on Windows")
def test_the_next_conversion_removes_the_files_of_a_killed_one(sources: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    words = [sys.executable, "-c", HELD, "labelme2coco", sources / "labelme", work / "dst", "--jobs", "2"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes, start_new_session=True) as killed:  # type: ignore[call-overload]
        assert killed.stdout.readline() == b"written\n"
        killed.kill()
    assert ended(killed.pid)
    (left,) = work.iterdir()
    assert left.name.startswith(".dst.partial-")
    assert (left / "dataset.json").is_file()
    with new_folder(work / "dst") as partial:  # these two are not abandoned
        with new_folder(work / "dst"):
            assert partial.is_dir()
        shutil.rmtree(work / "dst")
    assert [p.name for p in work.iterdir()] == ["dst"]
