"""A received run of train_cls with a fitted head: its weights file in every damaged form, one line each."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from system.errors import WeightsError
from tests.command import only_line, run_command
from tests.hostile.allocations import note_allocations
from tests.hostile.test_checkpoints import Payload
from train_cls.stored_net import load_classifier_net

FIT = ("--head", "fitted", "--layers", "8,16", "--weights", "none", "--imgsz", 64, "--device", "cpu")
Tensors = dict[str, Tensor]


@pytest.fixture(scope="module")
def fitted_run(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with random features; read only."""
    runs = tmp_path_factory.mktemp("fitted") / "runs"
    assert run_command("train_cls", "fit", coco_folder, *FIT, "--precision", 32, "--runs", runs) == 0
    return runs / "cls" / coco_folder.name


def rewritten(run: Path, dest: Path, change: Callable[[Tensors], object], **spec: object) -> Path:
    """The weights of a run with other tensors or values in the specification, as `dest`/best.safetensors."""
    source = run / "weights" / "best.safetensors"
    with safe_open(source, "pt") as file:
        stored = json.loads(file.metadata()["defectline"])
    tensors = {name: tensor.clone() for name, tensor in load_file(source).items()}
    change(tensors)
    target = dest / "best.safetensors"
    target.write_bytes(save(tensors, {"defectline": json.dumps({**stored, **spec})}))
    return target


def fill(name: str, value: float) -> Callable[[Tensors], object]:
    return lambda tensors: tensors[name].fill_(value)


REFUSED: dict[str, tuple[Callable[[Tensors], object], dict[str, object]]] = {
    "not a number": (fill("detect.bias", float("nan")), {}),
    "infinite": (fill("patch_model.std", float("inf")), {}),
    "another shape": (lambda tensors: tensors.update({"detect.weight": torch.zeros(1, 3)}), {}),
    "no dimension": (lambda tensors: tensors.update({"patch_model.mean": torch.tensor(0.0)}), {}),
    "missing": (lambda tensors: tensors.pop("types.bias"), {}),
    "one more": (lambda tensors: tensors.update({"types.more": torch.zeros(2)}), {}),
    "huge side": (len, {"imgsz": 10**9}),
    "gamma": (len, {"gamma": 1e300}),
    "no category": (len, {"categories": []}),
    "other categories": (len, {"categories": [{"id": k, "name": str(k)} for k in range(50)]}),
    "several types": (len, {"symmetries": "yes"}),
    "address": (len, {"encoder": {"name": "hf-hub:a/b", "library": "timm", "layers": ["4"]}}),
    "no layer": (len, {"encoder": {"name": "resnet18", "library": "torchvision", "layers": []}}),
    "large": (len, {"encoder": {"name": "regnet_y_128gf", "library": "torchvision", "layers": ["trunk_output"]}}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_damaged_fitted_head_is_refused(
    case: str, fitted_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_classifier_net(rewritten(fitted_run, tmp_path, len))
    change, spec = REFUSED[case]
    path = rewritten(fitted_run, tmp_path, change, **spec)
    allocated = note_allocations(monkeypatch)
    with pytest.raises(WeightsError):
        load_classifier_net(path)
    assert sum(allocated) < 40_000_000  # resnet18 has 11 million values; the large network 640 million


@pytest.mark.parametrize(("name", "value"), [("detect.weight", 3e38), ("patch_model.std", 0.0)])
def test_finite_weights_that_give_no_numbers_are_one_line(
    name: str, value: float, fitted_run: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(fitted_run, tmp_path / "run"))
    rewritten(run, run / "weights", fill(name, value))
    capsys.readouterr()
    for words in (
        ["train_cls", "predict", run, images, "--out", tmp_path / "found.json"],
        ["annotate", "propose", images, "--from", run],
        ["train_cls", "evaluate", run],
    ):
        assert run_command(*words) == 2
        assert "gives values that are not numbers; train again" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "found.json").exists()
    assert not list(images.glob("*.json"))


def test_a_payload_as_fitted_head_does_not_run(
    fitted_run: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(fitted_run, tmp_path / "run"))
    torch.save({"patch_model.mean": Payload(tmp_path / "marker")}, run / "weights" / "best.safetensors")
    capsys.readouterr()
    assert run_command("train_cls", "predict", run, images) == 2
    assert "not weights of train_cls" in only_line(capsys)
    assert not (tmp_path / "marker").exists()
