"""Faults of several files: reported together, up to a limit, or left out and counted."""

import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from convert.cli import make_app
from convert.execution import Execution
from convert.faults import Fault, GuardedBatch
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from system.errors import CombinedInputError, InputError, raise_together
from tests.command import run_command

BAD = ("test/contamination/000.png", "train/good/001.png", "ground_truth/broken_large/000_mask.png")


@pytest.fixture
def damaged(tree: Path) -> Path:
    for name in BAD:
        (tree / name).write_bytes((tree / name).read_bytes()[:-20])
    return tree


def lines(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return str(error.value).splitlines()


@pytest.mark.parametrize("jobs", [1, 2])
def test_all_faults_of_a_run_are_reported_and_nothing_is_written(damaged: Path, tmp_path: Path, jobs: int) -> None:
    with pytest.raises(InputError) as error:
        mvtec2coco([damaged], tmp_path / "d", execution=Execution(jobs=jobs))
    assert len(lines(error)) == 3
    for name in BAD:
        assert sum(name in line for line in lines(error)) == 1
    assert not (tmp_path / "d").exists()


def test_reading_stops_at_the_limit(damaged: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        mvtec2coco([damaged], tmp_path / "d", execution=Execution(max_errors=2))
    assert len(lines(error)) == 2


def test_bad_images_are_left_out_and_counted(damaged: Path, tmp_path: Path) -> None:
    report = mvtec2coco([damaged], tmp_path / "d", MvtecOptions(), Execution(skip_bad=True))
    images = ("test/broken_large/000.png", "test/contamination/000.png", "train/good/001.png")
    assert sorted(e.file for e in report.events if e.code == "bad-input") == sorted(images)
    listed = {
        image["file_name"]
        for split in ("train", "val", "test")
        for image in json.loads((tmp_path / f"d/annotations/instances_{split}.json").read_text())["images"]
    }
    assert report.written["images"] == len(listed) == report.read["images"] - 3
    on_disk = {p.relative_to(tmp_path / "d/images").as_posix() for p in (tmp_path / "d/images").rglob("*.png")}
    assert on_disk == listed
    assert not (tmp_path / "d/masks/test/broken_large/000.png").exists()


def test_strict_refuses_a_skipped_file(damaged: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bad-input"):
        mvtec2coco([damaged], tmp_path / "d", execution=Execution(skip_bad=True, strict=True))


def test_one_fault_is_raised_unchanged_and_several_survive_a_process() -> None:
    first, second = InputError("a", "bad", "fix it"), InputError("b", "worse", "fix it too")
    with pytest.raises(InputError) as error:
        raise_together([first])
    assert error.value is first
    with pytest.raises(CombinedInputError) as several:
        raise_together([first, CombinedInputError([second, first])])
    copy = pickle.loads(pickle.dumps(several.value.limited(2)))
    assert str(copy).splitlines() == ["a: bad; fix it", "b: worse; fix it too", "and 1 more"]


def test_the_command_limits_the_lines_and_reports_skipped_files(
    damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("convert", "mvtec2coco", damaged, tmp_path / "d", "--max-errors", 2) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert not (tmp_path / "d").exists()
    assert run_command("convert", "mvtec2coco", damaged, tmp_path / "d", "--skip-bad") == 1
    assert "bad-input" in capsys.readouterr().out
    assert (tmp_path / "d/dataset.json").is_file()


def test_every_conversion_takes_the_shared_options() -> None:
    commands = typer.main.get_group(make_app()).commands
    assert len(commands) >= 12
    for command in commands.values():
        shared = {"overwrite", "dry_run", "strict", "max_errors", "skip_bad", "report", "jobs"}
        assert shared <= {parameter.name for parameter in command.params}


def test_a_bad_item_of_a_batch_is_a_fault_and_the_others_are_worked_on_alone() -> None:
    batches: list[list[str]] = []

    def work(items: Sequence[str]) -> list[str]:
        batches.append(list(items))
        if "bad" in items:
            raise InputError("file", "is bad", "correct it")
        return [item.upper() for item in items]

    guarded = GuardedBatch(work, str.title)
    assert guarded(["a", "b"]) == ["A", "B"]
    assert batches == [["a", "b"]]
    first, fault, last = guarded(["a", "bad", "b"])
    assert (first, last) == ("A", "B")
    assert isinstance(fault, Fault)
    assert (fault.file_name, fault.error.problem) == ("Bad", "is bad")
    assert guarded([]) == []
