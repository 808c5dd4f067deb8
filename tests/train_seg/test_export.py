import io
import json
import math
import shutil
from contextlib import redirect_stderr
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from datasets.coco import Category
from datasets.formats.coco_file import read_predictions
from system import __version__
from system.errors import OptionError, WeightsError
from tests.command import only_line, run_command
from train_seg import export as exporting
from train_seg.export import SegmenterParity, compare
from train_seg.model import ModelSpec, read_spec
from train_seg.segmenter import Segmenter, load_segmenter
from training import exported_model
from training.export_metadata import NetworkInput, read_metadata

PACKAGES = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("openvino",)}
CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["onnx", "openvino"])
def form(request: pytest.FixtureRequest) -> str:
    for package in PACKAGES[request.param]:
        pytest.importorskip(package, reason=f"{package} is not installed, so the export is not tested")
    return str(request.param)


@pytest.fixture
def run(seg_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seg_run, tmp_path / "run"))


@pytest.fixture(scope="module")
def exported(seg_run: Path, form: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and its export; read only."""
    run = Path(shutil.copytree(seg_run, tmp_path_factory.mktemp("exported") / "run"))
    with redirect_stderr(io.StringIO()) as reported:
        assert run_command("train_seg", "export", run, "--format", form) == 0
    assert "on 8 images no share differs by more than" in reported.getvalue()
    return run


def test_an_exported_model_finds_the_same(exported: Path, form: str) -> None:
    run = exported
    spec = read_spec(run / "weights/best.safetensors")
    metadata = read_metadata(exported_model.exported_path(run / "weights/best", form), form)
    assert (metadata.task, metadata.network, metadata.licence) == ("seg", "unet", "AGPL-3.0-or-later")
    assert metadata.input == NetworkInput(height=64, width=64, padding=(124, 116, 104))
    assert (metadata.layout, metadata.version) == ("NCHW", __version__)
    assert metadata.decoding["pixel_threshold"] == spec.pixel_threshold
    assert metadata.type_sizes == [(size.median, size.spread) for size in spec.sizes]
    point = json.loads((run / "metrics.json").read_text())["operating_point"]
    assert metadata.score_threshold == point["score_threshold"]
    original, other = (load_segmenter(run / "weights/best.safetensors", CPU, exported=e) for e in (None, form))
    rng = np.random.default_rng(3)
    for shape in ((70, 130, 3), (64, 64, 3)):
        rgb = rng.integers(0, 255, shape, dtype=np.uint8)
        assert np.abs(original.shares(rgb) - other.shares(rgb)).max() < 1e-3


def test_an_export_of_another_model_is_refused(
    run: Path, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exported file is a real one, of a model with other weights."""
    before = {path.name: path.read_bytes() for path in (run / "weights").iterdir()}
    write = exporting.write_exported

    def write_another(model: nn.Module, *rest: Any, **named: Any) -> None:
        other = deepcopy(model)
        with torch.no_grad():
            for weights in other.parameters():
                weights.add_(0.01)
        write(other, *rest, **named)

    monkeypatch.setattr(exporting, "write_exported", write_another)
    assert run_command("train_seg", "export", run, "--format", form) == 2
    assert "the exported model differs: on 8 images" in only_line(capsys)
    assert {path.name: path.read_bytes() for path in (run / "weights").iterdir()} == before


def test_predict_runs_the_exported_file_with_symmetries_too(
    exported: Path, form: str, coco_folder: Path, tmp_path: Path
) -> None:
    example_image = next((coco_folder / "images/test").rglob("*.png"))
    results = []
    for more in ((), ("--exported", form)):
        out = tmp_path / "found.json"
        assert run_command("train_seg", "predict", exported, example_image, "--out", out, "--tta", *more) == 0
        results.append(read_predictions(out))
    assert [(p.category_id, p.bbox) for p in results[0]] == [(p.category_id, p.bbox) for p in results[1]]


def test_an_exported_file_that_is_missing_or_damaged_is_named(run: Path, form: str) -> None:
    weights = run / "weights/best.safetensors"
    with pytest.raises(WeightsError, match=f"make it with train_seg export RUN --format {form}"):
        load_segmenter(weights, CPU, exported=form)
    exported_model.exported_path(weights, form).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="export it again"):
        load_segmenter(weights, CPU, exported=form)


def test_half_precision_is_kept_in_the_file_and_nearly_the_same(
    run: Path, coco_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino", reason="openvino is not installed, so the export is not tested")
    asked: list[str] = []
    compile_model = openvino.Core.compile_model

    def compiled(core: object, model: object, device: str, how: dict[str, str]) -> object:
        asked.append(how["INFERENCE_PRECISION_HINT"])
        return compile_model(core, model, device, how)

    monkeypatch.setattr(openvino.Core, "compile_model", compiled)
    weights = run / "weights/best.safetensors"
    rgb = np.random.default_rng(3).integers(0, 255, (70, 130, 3), dtype=np.uint8)
    original = load_segmenter(weights, CPU).shares(rgb)
    for precision, hint, apart in (("bf16", "bf16", 0.3), ("32", "f32", 1e-3)):
        assert run_command("train_seg", "export", run, "--format", "openvino", "--precision", precision) == 0
        asked.clear()
        other = load_segmenter(weights, CPU, exported="openvino").shares(rgb)
        assert asked == [hint]
        assert np.abs(original - other).max() < apart


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        (
            ("--format", "onnx", "--precision", "bf16"),
            "--precision bf16: ONNX Runtime computes with 32 bits on a CPU",
        ),
        (("--precision", "int4"), "--precision int4: not a precision to export for; give one of 32, bf16, int8"),
    ],
)
def test_a_precision_that_cannot_be_ends_in_one_line(
    run: Path, coco_folder: Path, options: tuple[str, ...], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("train_seg", "export", run, *options) == 2
    assert reported in only_line(capsys)


def test_largest_differences_that_are_tolerated() -> None:
    assert SegmenterParity(8, 0.001, 0.001, 1.0).within_tolerance()
    for worse in ((0.1, 0, 0), (0, 0.01, 0), (0, 0, 1.1), (math.nan, 0, 0)):
        assert not SegmenterParity(8, *worse).within_tolerance()


def test_an_unknown_form_ends_in_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train_seg", "export", run, "--format", "tflite") == 2
    assert "give one of onnx, openvino" in only_line(capsys)


def test_a_missing_package_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(
        OptionError, match=r"needs surely_not_installed; install it: pip install \"defectline\[export\]\""
    ):
        exported_model.need("onnx", "surely_not_installed")


class Answer(nn.Module):
    """Two classes; the defect is where the image is bright, shifted by `columns` and `more` in its logit."""

    def __init__(self, columns: int = 0, more: float = 0.0) -> None:
        super().__init__()
        self.columns, self.more = columns, more

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        bright = (rgb.float().mean(1).roll(self.columns, 2) - 128) / 10 + self.more
        return torch.stack([-bright, bright], 1)


@pytest.mark.parametrize(
    ("other", "holds"),
    [
        (Answer(), True),
        (Answer(more=1e-4), True),
        (Answer(columns=2), False),
        (Answer(more=20), False),
        (Answer(more=float("nan")), False),
    ],
)
def test_parity_sees_a_difference(other: Answer, holds: bool) -> None:
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[20:40, 10:30] = 255
    spec = ModelSpec("resnet18", 4, 64, [Category(1, "chip")])
    parity = compare(Segmenter(Answer(), spec, CPU), Segmenter(other, spec, CPU), [rgb])
    assert parity.within_tolerance() == holds
    assert parity.images == 1


def test_parity_numbers_are_those_of_a_shift() -> None:
    """A square of 20 x 20 moved by two columns: 40 pixels leave, 40 join."""
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[20:40, 10:30] = 255
    spec = ModelSpec("resnet18", 4, 64, [Category(1, "chip")])
    parity = compare(Segmenter(Answer(), spec, CPU), Segmenter(Answer(columns=2), spec, CPU), [rgb])
    assert parity.boxes == 2
    assert parity.mask == pytest.approx(80 / 440)
    assert parity.share > 0.99
