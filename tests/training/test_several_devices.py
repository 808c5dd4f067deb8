"""`fit --devices 2` with two real processes: the numbers of one, its errors, its end."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
import torch
import typer

from evaluate.history_file import read_history
from system.console import run
from system.errors import DefectlineError, OptionError
from tests.command import only_line, run_command
from tests.training.group_toy import GROUP_TOY
from tests.training.in_double import double_trainer
from training import group_start
from training.asked_devices import AskedDevices, asked_devices
from training.batches import EpochBatches
from training.commands import trainer_app
from training.device_group import DeviceGroup, part_bounds
from training.epoch_recorder import EpochRecorder

SEG = ("--encoder-weights", "none", "--imgsz", 32, "--encoder-depth", 3, "--batch", 7)
CLS = ("--weights", "none", "--imgsz", 32, "--batch", 7, "--mixup", 0.4, "--label-smoothing", 0.1)
SHARED = ("--epochs", 2, "--precision", 32, "--device", "cpu")


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def command(app: typer.Typer, *arguments: object) -> int:
    with (
        mock.patch.object(sys, "argv", ["train_toy", *map(str, arguments)]),
        pytest.raises(SystemExit) as end,
    ):
        run(app, "train_toy")
    return int(end.value.code or 0)


def curves(root: Path) -> list[dict[str, float]]:
    """The history without the time, six digits each."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_history(root / "history.csv")]


def stopped_in_epoch_2(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A training that gets Ctrl-C in the middle of its second epoch."""
    whole = EpochRecorder.batch

    def batch(self: EpochRecorder) -> None:
        whole(self)
        if len(self.rows) == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(EpochRecorder, "batch", batch)
    return monkeypatch


def children() -> str:
    """The living child processes of this one."""
    return subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True, check=False).stdout


def check_one_and_two(
    app: typer.Typer,
    fit: tuple[object, ...],
    runs: Path,
    devices: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Train runs/one on one device; runs/two, stopped and resumed on these `devices`, has its curves and files.

    `fit` are the arguments: the command, the dataset and the options.
    """
    first, then = devices
    assert command(app, *fit, "--name", "one") == 0
    before = children()
    with monkeypatch.context() as patch:
        stopped_in_epoch_2(patch)
        assert command(app, *fit, "--name", "two", "--devices", first) == 130
    assert children().strip() in before
    root, alone = runs / "two", runs / "one"
    printed = capfd.readouterr().err
    assert f"stopped after epoch 1 of 2; continue with --resume {root}" in printed
    assert "arning" not in printed
    assert command(app, "fit", fit[1], "--resume", root, "--devices", then) == 0
    assert curves(root) == curves(alone)
    assert sorted(p.name for p in root.iterdir()) == sorted(p.name for p in alone.iterdir())


@pytest.mark.parametrize(("task", "options", "first", "then"), [("seg", SEG, 2, 1), ("cls", CLS, 1, 2)])
@pytest.mark.usefixtures("double")
def test_two_devices_give_the_curves_of_one_also_after_resuming_with_another_number(
    task: str,
    options: tuple[object, ...],
    first: int,
    then: int,
    coco_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("IN_DOUBLE", task)
    app = trainer_app(double_trainer(task))
    fit = ("fit", coco_folder, *options, *SHARED, "--runs", tmp_path)
    check_one_and_two(app, fit, tmp_path / task, (first, then), monkeypatch, capfd)
    assert not torch.distributed.is_initialized()
    assert "RANK" not in os.environ


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("refuse", "train_toy: a.png: not readable here; copy it"),
        ("die", "train_toy: process 1 of --devices: was killed; start again, or continue with --resume RUN"),
    ],
)
def test_an_error_of_another_process_ends_all_with_its_line(
    what: str,
    line: str,
    coco_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GROUP_TOY", what)
    app = trainer_app(GROUP_TOY)
    flags = ("--device", "cpu", "--runs", tmp_path / "runs", "--devices", 2)
    assert command(app, "fit", coco_folder, *flags) == 2
    assert only_line(capsys) == line
    assert not (tmp_path / "runs").exists()
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize(
    ("flags", "variables", "message"),
    [
        ({"devices": 0}, {}, "--devices 0: less than 1"),
        ({"nodes": 2}, {}, "--nodes 2: this command starts processes on one machine; start the same command by"),
        ({"devices": 9999}, {}, "--devices 9999: more than four per processor"),
        ({"devices": 2}, {"folds": 3}, "--devices 2: not available with --folds 3"),
        ({"devices": 2}, {"on": "dask://a:1"}, "--devices 2: not available with --on dask://a:1"),
    ],
)
def test_impossible_numbers_are_refused(flags: dict[str, int], variables: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError) as refused:
        asked_devices(**{"devices": 1, "nodes": 1, **flags}, flags=variables)
    assert str(refused.value).startswith(message)


def test_the_variables_of_torchrun_place_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "3"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    assert asked_devices(2, 2, {}) == AskedDevices(2, 2, rank=3, local_rank=1, external=True)
    with pytest.raises(OptionError, match="torchrun started 4 processes; give flags whose product is that"):
        asked_devices(1, 1, {})


def test_processes_that_do_not_meet_end_with_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address: PyTorch would try to connect for as long as the store may wait."""
    monkeypatch.setattr(group_start, "MEET", timedelta(seconds=1))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = {
        "RANK": "1",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    line = (
        rf"^MASTER_ADDR 127.0.0.1:{port}: the processes of --devices and --nodes do not meet there \(.*; start all"
    )
    with pytest.raises(DefectlineError, match=line):
        group_start.FirstProcess()
    monkeypatch.delenv("MASTER_ADDR")
    with pytest.raises(DefectlineError, match="env:// rendezvous: environment variab"):
        group_start.FirstProcess()


def test_other_trainers_use_one_device(coco_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train_anomaly", "fit", coco_folder, "--devices", 2) == 2
    assert only_line(capsys) == "train_anomaly: --devices: this trainer uses one device; leave it out"
    assert run_command("train_cls", "fit", coco_folder, "--devices", 2, "--head", "fitted") == 2
    assert "a fitted head is computed in one pass on one device" in only_line(capsys)


def test_the_parts_of_a_batch_are_the_batch() -> None:
    for count in (2, 5, 8):
        parts = [part_bounds(count, rank, 2) for rank in range(2)]
        assert parts == [(0, (count + 1) // 2), ((count + 1) // 2, count)]
    groups = [DeviceGroup(AskedDevices(3, 1, rank), torch.device("cpu")) for rank in range(3)]
    whole = list(EpochBatches(20, 7, seed=1))
    parts_of = zip(*(EpochBatches(20, 7, seed=1, group=group) for group in groups), strict=True)
    assert [[key for part in parts for key in part] for parts in parts_of] == whole
    with pytest.raises(OptionError, match="--batch 2: a batch of 2 images cannot be split among 3 devices"):
        EpochBatches(20, 2, seed=1, group=groups[0])
