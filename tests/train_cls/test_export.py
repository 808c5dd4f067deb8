"""Exports predict the same as the original, and a difference is noticed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from datasets.coco import Category
from tests.command import only_line, run_command
from train_cls.classifier import Classifier, load_classifier
from train_cls.export import compare
from train_cls.model import ClassifierSpec, read_classifier_spec
from training.export_metadata import read_metadata
from training.exported_model import exported_path

CPU = torch.device("cpu")
SPEC = ClassifierSpec("resnet18", "torchvision", 32, [Category(1, "chip")])


@pytest.mark.parametrize(("export_format", "package"), [("onnx", "onnxscript"), ("openvino", "openvino")])
def test_an_export_predicts_the_same(
    cls_run: Path, tmp_path: Path, export_format: str, package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed, so the export is not tested")
    run = Path(shutil.copytree(cls_run, tmp_path / "run"))
    assert run_command("train_cls", "export", run, "--format", export_format) == 0
    assert "on 8 images no probability differs by more than" in capsys.readouterr().err
    weights = run / "weights/best.safetensors"
    metadata = read_metadata(exported_path(weights, export_format), export_format)  # type: ignore[arg-type]
    assert (metadata.task, metadata.network, metadata.output) == ("cls", "resnet18", "logits")
    assert [c.name for c in metadata.categories] == ["broken_large", "broken_small", "contamination"]
    assert metadata.decoding == {"temperature": read_classifier_spec(weights).temperature, "several_types": False}
    rgb = np.random.default_rng(3).integers(0, 255, (70, 130, 3), dtype=np.uint8)
    for tta in (False, True):
        one = load_classifier(weights, CPU, tta=tta).probabilities(rgb)
        other = load_classifier(weights, CPU, tta=tta, exported=export_format).probabilities(rgb)  # type: ignore[arg-type]
        assert np.abs(one - other).max() < 1e-3


def test_half_precision_is_kept_in_the_file_and_nearly_the_same(
    cls_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino", reason="openvino is not installed, so the export is not tested")
    asked: list[str] = []
    compile_model = openvino.Core.compile_model

    def compiled(core: object, model: object, device: str, settings: dict[str, str]) -> object:
        asked.append(settings["INFERENCE_PRECISION_HINT"])
        return compile_model(core, model, device, settings)

    monkeypatch.setattr(openvino.Core, "compile_model", compiled)
    run = Path(shutil.copytree(cls_run, tmp_path / "run"))
    weights = run / "weights/best.safetensors"
    rgb = np.random.default_rng(4).integers(0, 255, (70, 130, 3), dtype=np.uint8)
    original = load_classifier(weights, CPU).probabilities(rgb)
    export = ("train_cls", "export", run, "--format", "openvino", "--precision")
    for precision, hint, apart in (("bf16", "bf16", 0.1), ("32", "f32", 1e-3)):
        assert run_command(*export, precision) == 0
        asked.clear()
        other = load_classifier(weights, CPU, exported="openvino").probabilities(rgb)
        assert asked == [hint]
        assert np.abs(original - other).max() < apart
        assert other.sum() == pytest.approx(1)


class Brightness(nn.Module):
    """Two types; a chip where the image is bright, with `more` added to its logit."""

    def __init__(self, more: float = 0.0) -> None:
        super().__init__()
        self.more = more

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        bright = (rgb.float().mean((1, 2, 3)) - 128) / 100 + self.more
        return torch.stack([-bright, bright], 1)


@pytest.mark.parametrize(
    ("more", "same"), [(0.0, True), (1e-4, True), (0.1, False), (20.0, False), (float("nan"), False)]
)
def test_parity_notices_a_difference(more: float, same: bool) -> None:
    rgb = np.full((40, 60, 3), 140, np.uint8)
    parity = compare(Classifier(Brightness(), SPEC, CPU), Classifier(Brightness(more), SPEC, CPU), [rgb])
    assert parity.within_tolerance() == same


def test_an_unknown_format_ends_in_one_line(cls_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train_cls", "export", cls_run, "--format", "tflite") == 2
    assert "give one of onnx, openvino" in only_line(capsys)
