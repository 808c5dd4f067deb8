"""The commands of a trainer with URLs, on fsspec's file system in memory, by the trainer of one module."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import fsspec
import pytest
import typer
from typer.core import TyperGroup

from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import read_config
from system.shown_names import show_as, show_unchanged
from system.stored_path import StoredPath
from system.stored_place import Role
from tests.cluster_processes import tree_bytes
from tests.command import TRAINERS, only_line, room_app
from tests.import_graph import ROOT
from tests.odd_datasets import odd_folder
from tests.training.toy_trainer import TRAINER, MeanBoxes, ToyOptions
from training import measure
from training.commands import run_trainer
from training.new_seeds import new_seeds

DATA, RUNS = "memory://data/odd", "memory://runs"
SAME = ("weights/best.json", "metrics.json", "predictions/test.json")


def run_toy(*arguments: object) -> int:
    """Exit status of `train_toy <arguments>`."""
    argv = ["train_toy", *(str(argument) for argument in arguments)]
    with mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit) as end:
        run_trainer(TRAINER)
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_folder(tmp_path_factory.mktemp("data") / "odd")


@pytest.fixture
def memory(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[fsspec.AbstractFileSystem]:
    """A file system in memory with only the dataset, and an empty cache."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DEFECTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    for name, content in tree_bytes(data).items():
        system.pipe_file(f"/data/odd/{name}", content)
    yield system
    system.store.clear()


def stored(memory: fsspec.AbstractFileSystem, prefix: str) -> dict[str, bytes]:
    return {path.removeprefix(f"/{prefix}/"): memory.cat_file(path) for path in memory.find(f"/{prefix}")}


def test_fit_writes_the_run_that_it_writes_locally(
    memory: fsspec.AbstractFileSystem, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_toy("fit", data, "--runs", tmp_path / "runs") == 0
    capsys.readouterr()
    assert run_toy("fit", DATA, "--runs", RUNS) == 0
    printed = capsys.readouterr()
    local, run = tree_bytes(tmp_path / "runs/toy/odd"), stored(memory, "runs/toy/odd")
    assert run.keys() == local.keys()
    assert {name: run[name] for name in SAME} == {name: local[name] for name in SAME}
    assert f"dataset: {DATA}\n" in run["config.yaml"].decode()
    assert f"the run is in {RUNS}/toy/odd" in printed.err
    assert "cache" not in printed.out + printed.err
    assert list((tmp_path / "cache/work").iterdir()) == []


def test_second_run_gets_the_next_name(memory: fsspec.AbstractFileSystem) -> None:
    assert run_toy("fit", DATA, "--runs", RUNS) == 0
    first = stored(memory, "runs/toy/odd")
    assert run_toy("fit", DATA, "--runs", RUNS) == 0
    assert stored(memory, "runs/toy/odd") == first
    assert stored(memory, "runs/toy/odd-2").keys() == first.keys()


def test_name_that_is_taken_while_it_is_trained(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    distance = MeanBoxes.distance

    def other(weights: MeanBoxes, boxes: list[object]) -> float:
        memory.pipe_file("/runs/toy/odd/config.yaml", b"of another")
        return distance(weights, boxes)  # type: ignore[arg-type]

    monkeypatch.setattr(MeanBoxes, "distance", other)
    assert run_toy("fit", DATA, "--runs", RUNS) == 0
    assert "uploaded to memory://runs/toy/odd-2" in capsys.readouterr().err
    assert stored(memory, "runs/toy/odd") == {"config.yaml": b"of another"}
    assert "metrics.json" in stored(memory, "runs/toy/odd-2")


def test_interrupted_run_is_resumed_from_the_storage(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distance = MeanBoxes.distance

    def interrupted(weights: MeanBoxes, boxes: list[object]) -> float:
        if weights.epoch == 2:
            raise KeyboardInterrupt
        return distance(weights, boxes)  # type: ignore[arg-type]

    assert run_toy("fit", DATA, "--runs", RUNS, "--name", "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(MeanBoxes, "distance", interrupted)
        assert run_toy("fit", DATA, "--runs", RUNS) == 130
    assert "metrics.json" not in stored(memory, "runs/toy/odd")
    monkeypatch.setenv("DEFECTLINE_CACHE", str(tmp_path / "another machine"))
    assert run_toy("fit", DATA, "--resume", f"{RUNS}/toy/odd") == 0
    resumed, whole = stored(memory, "runs/toy/odd"), stored(memory, "runs/toy/whole")
    assert resumed.keys() == whole.keys()
    assert {name: resumed[name] for name in SAME} == {name: whole[name] for name in SAME}


def test_failed_training_uploads_nothing_and_is_kept(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    distance = MeanBoxes.distance

    def fails(weights: MeanBoxes, boxes: list[object]) -> float:
        if weights.epoch == 2:
            raise OSError(28, "No space left on device")
        return distance(weights, boxes)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(MeanBoxes, "distance", fails)
        assert run_toy("fit", DATA, "--runs", RUNS) == 2
    assert memory.find("/runs") == []
    kept = Path(next(line for line in capsys.readouterr().err.splitlines() if "result is in" in line).split()[-1])
    assert run_toy("fit", DATA, "--resume", kept / "toy/odd") == 0
    assert (kept / "toy/odd/metrics.json").is_file()


def test_members_record_the_url(data: Path, tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    show_as(str(data.parent.resolve()), "memory://data")
    try:
        run = new_seeds("toy", load_dataset(data), ToyOptions(), tmp_path, None, 2)
    finally:
        show_unchanged()
    configs = sorted(run.root.rglob("config.yaml"))
    assert [read_config(path.parent).dataset for path in configs] == [DATA] * 3


def test_commands_with_a_stored_run(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_toy("fit", DATA, "--runs", RUNS) == 0
    run = f"{RUNS}/toy/odd"
    before = stored(memory, "runs/toy/odd")
    assert run_toy("predict", run, f"{DATA}/images", "--out", "memory://out/found.json") == 0
    assert stored(memory, "runs/toy/odd") == before
    images = json.loads(stored(memory, "out")["found.images.json"])
    assert all(image["file_name"].startswith(f"{DATA}/images/") for image in images)
    capsys.readouterr()
    assert run_toy("evaluate", run) == 2
    assert f"its dataset is {DATA}, which a run does not open by itself" in only_line(capsys)
    assert run_toy("evaluate", run, "--dataset", DATA) == 0
    assert stored(memory, "runs/toy/odd").keys() == before.keys()
    assert list((tmp_path / "cache/work").iterdir()) == []


def test_destination_of_predictions_that_is_a_folder(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.pipe_file("/out/found.json/a.txt", b"x")
    assert run_toy("predict", f"{RUNS}/toy/odd", f"{DATA}/images", "--out", "memory://out/found.json") == 2
    assert "memory://out/found.json: is a folder there; name a file" in only_line(capsys)
    assert stored(memory, "out") == {"found.json/a.txt": b"x"}


@pytest.mark.parametrize("room", TRAINERS)
def test_predictions_of_every_trainer_can_be_stored(room: str) -> None:
    group = typer.main.get_command(room_app(room))
    assert isinstance(group, TyperGroup)
    (out,) = (param for param in group.commands["predict"].params if param.name == "out")
    assert isinstance(out.type, StoredPath)
    assert out.type.role is Role.FILE


def test_run_that_changes_while_it_is_measured_is_not_replaced(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_toy("fit", DATA, "--runs", RUNS) == 0
    before = stored(memory, "runs/toy/odd")
    evaluate_run = measure.evaluate_run

    def other(*words: object, **options: object) -> object:
        memory.pipe_file("/runs/toy/odd/metrics.json", b"of another")
        return evaluate_run(*words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(measure, "evaluate_run", other)
    assert run_toy("evaluate", f"{RUNS}/toy/odd", "--dataset", DATA) == 2
    assert "something else was stored there" in capsys.readouterr().err
    assert stored(memory, "runs/toy/odd") == {**before, "metrics.json": b"of another"}
