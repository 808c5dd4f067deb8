"""`train_det fit --devices 2` with two real processes: the loss of one, and its end when one is killed."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from datasets.coco import Annotation, Category, Image
from tests.command import run_command
from tests.preloaded import PreloadedCommands
from tests.small_coco import mask_annotation, write_folder
from tests.train_det.dying_detector import DYING
from tests.train_det.test_families import BACKBONE, HEADS
from tests.training.in_double import double_trainer
from tests.training.test_several_devices import check_one_and_two, children, command, curves
from train_det.checkpoints import load_detector
from train_det.cli import TRAINER
from training.asked_devices import AskedDevices
from training.commands import trainer_app
from training.device_group import DeviceGroup

HEAD = {"yolo": "  - [[2, 3], 1, Detect, [nc]]\n", **HEADS}
SHARED = ("--epochs", 2, "--imgsz", 64, "--precision", 32, "--device", "cpu", "--negatives", "all")
SPLITS = ("train",) * 10 + ("val", "val", "test")
DENT, SCRATCH = Category(3, "dent"), Category(7, "scratch")
CORNERS = {0: [(x, y) for x in (2, 23, 44) for y in (2, 23, 44)], 1: [(10, 30)], 10: [(4, 4)], 12: [(40, 8)]}


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten training images: one has nine defects, one a single defect, and eight have none. Read only."""
    root = tmp_path_factory.mktemp("uneven") / "uneven"
    members: dict[str, list[Image]] = {split: [] for split in dict.fromkeys(SPLITS)}
    annotations: list[Annotation] = []
    pixels = np.random.default_rng(5).integers(180, 220, (len(SPLITS), 64, 64, 3), dtype=np.uint8)
    for number, split in enumerate(SPLITS):
        members[split].append(Image(number + 1, f"{number}.png", 64, 64))
        for x, y in CORNERS.get(number, []):
            mask = np.zeros((64, 64), np.uint8)
            mask[y : y + 18, x : x + 18] = 1
            pixels[number][mask == 1] = 20
            kind = (DENT, SCRATCH)[len(annotations) % 2]
            annotations.append(mask_annotation(len(annotations) + 1, number + 1, kind.id, mask))
    write_folder(root, members, annotations, (DENT, SCRATCH))
    for number, drawn in enumerate(pixels):
        cv2.imwrite(str(root / "images" / f"{number}.png"), drawn)
    return root


def to_double(squares: NDArray[np.uint8], _device: torch.device) -> torch.Tensor:
    """Squares B x side x side x 3 as the input of a network of 64-bit numbers."""
    return torch.from_numpy(squares).permute(0, 3, 1, 2).double() / 255


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setenv("IN_DOUBLE", "det")
    monkeypatch.setattr("train_det.infer.to_pixels", to_double)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def forked(preloaded: PreloadedCommands, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process is forked from one that has imported the libraries, and is a child from here on."""
    preloaded.command("train_det")
    monkeypatch.setattr("training.group_start.module_command", preloaded.command)


def described(folder: Path, head: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(BACKBONE + HEAD[head])
    return path


@pytest.mark.parametrize(("head", "first", "then"), [("yolo", 2, 1), ("yolo-seg26", 1, 2)])
@pytest.mark.usefixtures("double", "forked")
def test_two_devices_give_the_curves_of_one_also_after_resuming_with_another_number(
    head: str,
    first: int,
    then: int,
    uneven: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("batch: 4\noptimisation:\n  freeze_layers: 1\n  warmup_epochs: 0\n  average_ramp: 2\n")
    app = trainer_app(double_trainer("det"))
    fit = ("fit", uneven, *SHARED, "--recipe", recipe, "--weights", described(tmp_path, head), "--runs", tmp_path)
    check_one_and_two(app, fit, tmp_path / "det", (first, then), monkeypatch, capfd)
    root, alone = tmp_path / "det/two", tmp_path / "det/one"
    states = [
        load_detector(path / "weights/best.pt", torch.device("cpu"))[0].state_dict() for path in (root, alone)
    ]
    assert list(states[0]) == list(states[1])
    for name, tensor in states[0].items():
        torch.testing.assert_close(tensor, states[1][name], rtol=1e-6, atol=1e-8)
    assert not torch.distributed.is_initialized()
    assert "RANK" not in os.environ


@pytest.mark.usefixtures("forked")
def test_a_killed_process_ends_all_and_the_run_can_be_resumed(
    uneven: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = ("--weights", described(tmp_path, "yolo"))
    before = children()
    fit = ("fit", uneven, *SHARED, "--batch", 4, *weights, "--runs", tmp_path, "--devices", 2)
    assert command(trainer_app(DYING), *fit) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].endswith(": process 1 of --devices: was killed; start again, or continue with --resume RUN")
    assert children().strip() in before
    assert len(curves(tmp_path / "det/uneven")) == 1
    assert command(trainer_app(TRAINER), "fit", uneven, "--resume", tmp_path / "det/uneven") == 0
    assert len(curves(tmp_path / "det/uneven")) == 2


@pytest.mark.usefixtures("forked")
def test_rtdetr_uses_one_device(uneven: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit = ("fit", uneven, *SHARED, "--devices", 2, "--runs", tmp_path / "runs")
    line = "train_det: --devices: RT-DETR draws noise for the whole batch, on one device"
    for weights in ("rtdetr-l.pt", described(tmp_path, "rtdetr")):
        assert run_command("train_det", *fit, "--weights", weights) == 2
        assert line in capsys.readouterr().err.splitlines()[-1]
        assert not (tmp_path / "runs").exists()


def test_a_parameter_without_a_gradient_keeps_none(tmp_path: Path) -> None:
    group = DeviceGroup(AskedDevices(1, 1), torch.device("cpu"))
    group.join(torch.distributed.FileStore(str(tmp_path / "store"), 1))
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(2, 1), torch.nn.Linear(1, 1))
    network[2].requires_grad_(False)
    network[0](torch.ones(1, 2)).sum().backward()
    group.average_gradients(network)
    group.leave()
    assert torch.equal(network[0].weight.grad, torch.ones(3, 2))
    assert [p.grad for module in network[1:] for p in module.parameters()] == [None] * 4
