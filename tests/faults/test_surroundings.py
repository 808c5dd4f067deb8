"""Another file system, no home, a clock that goes backwards, files that change or vanish while they are read."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import datasets.images.image_file as image_file
import system.files as system_files
import system.partial_folder as partial_folder
from system.files import new_folder
from tests.command import only_line, run_command
from tests.faults.full_disk import small_disk
from tests.tiny_runs import TINY, TinyRuns

IN_TURN = """
import json, sys
from tests.command import run_command
sys.exit(any([run_command(*words) for words in json.loads(sys.argv[1])]))
"""


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_destination_on_another_file_system_gets_copies(synth_tree: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1 << 26) as disk:
        for dest in (disk / "out", tmp_path / "out"):
            assert run_command("convert", "mvtec2coco", synth_tree, dest) == 0
        assert content(disk / "out") == content(tmp_path / "out")
        images = list((disk / "out" / "images").rglob("*.png"))
        assert images
        assert all(path.stat().st_nlink == 1 for path in images)
        (disk / "out" / "mine.txt").write_text("mine")
        assert run_command("convert", "mvtec2coco", synth_tree, disk / "out", "--overwrite") == 0
        assert not (disk / "out" / "mine.txt").exists()


@pytest.mark.parametrize("task", ["cls", "seg", "det"])
def test_no_command_needs_a_home(
    task: str, coco_folder: Path, tiny_runs: TinyRuns, small_image: Path, tmp_path: Path
) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("XDG_") and k != "MPLCONFIGDIR"}
    environment = {**kept, "HOME": "/proc/no-home"}  # where not even root can make a folder
    options = TINY["seg" if task == "seg" else "cls"]
    commands = [
        [f"train_{task}", "fit", coco_folder, "--runs", tmp_path / "runs", *options],
        [f"train_{task}", "predict", tiny_runs(task), small_image],
    ]
    given = json.dumps([[*map(str, words)] for words in commands])
    # both in one process, since importing the libraries takes most of the time
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN, given], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_clock_that_goes_backwards_changes_nothing(
    synth_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "usual") == 0
    moments = itertools.count(2_000_000_000, -1000)
    monkeypatch.setattr(time, "time", lambda: next(moments))
    for number in range(2):
        dest = tmp_path / f"back{number}"
        assert run_command("convert", "mvtec2coco", synth_tree, dest) == 0
        assert content(dest) == content(tmp_path / "usual")


def test_what_a_killed_command_left_with_a_time_in_the_future_is_removed(synth_tree: Path, tmp_path: Path) -> None:
    left = tmp_path / ".out.partial-abcdefgh"
    left.mkdir()
    (left / "file").write_text("x")
    os.utime(left, (4_000_000_000, 4_000_000_000))
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_of_a_command_killed_at_its_start_is_removed(
    synth_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / ".out.new-abcdefgh"
    left.mkdir()
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    # A command that starts at the same time takes another folder if its own is removed before it is locked.
    lock, calls = partial_folder.lock_folder, []

    def removed_first(folder: Path) -> int | None:
        calls.append(folder)
        if len(calls) == 1:
            folder.rmdir()
        return lock(folder)

    monkeypatch.setattr(partial_folder, "lock_folder", removed_first)
    with new_folder(tmp_path / "other") as partial:
        assert partial.is_dir()
    assert len(calls) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"out", "other"}


def test_the_next_command_removes_a_replaced_dataset_whose_removal_was_killed(
    synth_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out") == 0

    class Killed(BaseException):
        """No handler of the command catches it, as none sees a SIGKILL."""

    def killed(_folder: Path, **_: object) -> None:
        raise Killed

    def replace() -> None:
        with new_folder(tmp_path / "out", overwrite=True) as new:
            (new / "dataset.json").write_text("{}")
            patched.setattr(shutil, "rmtree", killed)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        replace()
    [left] = set(tmp_path.iterdir()) - {tmp_path / "out"}
    assert (left / "out" / "annotations").is_dir()
    assert run_command("convert", "mvtec2coco", synth_tree, tmp_path / "out", "--overwrite") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def vanish(path: Path) -> None:
    path.unlink()


def shrink(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [vanish, shrink, become_a_pipe])
@pytest.mark.parametrize("words", [["convert", "mvtec2coco"], ["datasets", "check"]])
def test_an_image_that_changes_while_others_are_read_is_one_line(
    words: list[str],
    change: Callable[[Path], None],
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real, reads = system_files.read_file, itertools.count()
    last = max((tree / "test").rglob("*.png"))

    def read(path: Path | str) -> bytes:
        if next(reads) == 3:
            change(last)
        return real(path)

    monkeypatch.setattr(system_files, "read_file", read)
    monkeypatch.setattr(image_file, "read_file", read)
    converts = words[0] == "convert"
    status = run_command(*words, tree, *([tmp_path / "out"] if converts else []), "--jobs", 1)
    assert next(reads) > 3
    if converts:
        assert status == 2
        assert last.name in only_line(capsys)
        assert not (tmp_path / "out").exists()
    else:
        assert status == 1
        assert last.name in capsys.readouterr().out
