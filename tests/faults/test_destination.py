"""Destinations that appear, change or are wanted by several commands at the same time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from system.errors import OutputError
from system.files import new_folder
from system.partial_folder import new_partial, remove_stale
from tests.labelme_files import shape, write_case


def write_result(dest: Path, *, overwrite: bool = False, meanwhile: object = lambda: None) -> None:
    with new_folder(dest, overwrite=overwrite) as partial:
        (partial / "dataset.json").write_text("new")
        meanwhile()  # type: ignore[operator]


def test_a_destination_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    dest = tmp_path / "out"

    def appear() -> None:
        dest.mkdir()
        (dest / "precious.txt").write_text("mine")

    for overwrite in (False, True):
        with pytest.raises(OutputError, match="something else was written there"):
            write_result(dest, overwrite=overwrite, meanwhile=appear)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        assert (dest / "precious.txt").read_text() == "mine"
        (dest / "precious.txt").unlink()
        dest.rmdir()


def test_a_file_or_link_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    dest = tmp_path / "out"
    for appear in (lambda: dest.write_text("mine"), lambda: dest.symlink_to(tmp_path)):
        with pytest.raises(OutputError, match="something else was written there"):
            write_result(dest, meanwhile=appear)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        dest.unlink()


def test_overwrite_replaces_only_the_folder_that_it_checked(tmp_path: Path) -> None:
    dest = tmp_path / "out"
    dest.mkdir()
    (dest / "dataset.json").write_text("old")

    def exchange() -> None:
        dest.rename(tmp_path / "moved")
        dest.mkdir()
        (dest / "precious.txt").write_text("mine")

    with pytest.raises(OutputError, match="something else was written there"):
        write_result(dest, overwrite=True, meanwhile=exchange)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moved", "out"]
    assert (dest / "precious.txt").read_text() == "mine"


def test_an_old_folder_that_cannot_be_put_back_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = tmp_path / "out"
    dest.mkdir()
    (dest / "dataset.json").write_text("old")
    rename = Path.rename

    def only_aside(self: Path, target: Path) -> Path:
        if target == dest:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", only_aside)
    with pytest.raises(OSError, match="Input/output"):
        write_result(dest, overwrite=True)
    (kept,) = tmp_path.rglob("dataset.json")
    assert kept.read_text() == "old"


def test_the_clean_up_leaves_a_folder_that_was_just_made(tmp_path: Path) -> None:
    partial, lock = new_partial(tmp_path / "out")
    remove_stale(tmp_path / "out")
    assert partial.is_dir()
    assert lock is not None
    os.close(lock)
    remove_stale(tmp_path / "out")
    assert not partial.exists()


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_of_three_conversions_to_one_destination_one_wins(tmp_path: Path, options: list[str]) -> None:
    for number in range(40):
        polygon = shape("a", "polygon", [[5, 5], [50, 8], [40, 35]])
        write_case(tmp_path / "labelme", polygon, name=f"n{number}")
    command = [sys.executable, "-m", "convert", "labelme2coco", tmp_path / "labelme", tmp_path / "out", *options]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in range(3)]
    ends = [(process.communicate()[1].decode(), process.returncode) for process in started]
    codes = sorted(code for _, code in ends)
    assert codes[0] == 0
    assert all(code in {0, 2} for code in codes)
    assert codes == [0, 2, 2] or options
    assert all(len(text.splitlines()) == 1 for text, code in ends if code)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labelme", "out"]
    assert (tmp_path / "out" / "dataset.json").is_file()
