"""Exported models: the same answers as the original, or no file."""

import shutil
from copy import deepcopy
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from datasets.formats.dataset_folder import Dataset
from evaluate.operating import operating_score
from evaluate.run_folder import Run
from system.errors import OptionError, OutputError, WeightsError
from train_det import export as exporting
from train_det.cli import TRAINER
from train_det.export import DetectorParity, compare
from train_det.exported import load_exported
from train_det.infer import DetectorNetwork
from train_det.options import DetectorOptions
from train_det.predict import load_run_detector
from training.export import export_run
from training.export_metadata import NetworkInput, read_metadata
from training.export_record import checksums_of, write_record
from training.exported_model import ExportFormat, need
from training.fit import Training
from training.measure import predict_files
from training.measured_loss import MeasuredLoss

CPU = torch.device("cpu")
NEEDS: dict[ExportFormat, tuple[str, ...]] = {"onnx": ("onnxscript", "onnxruntime"), "openvino": ("openvino",)}


@pytest.fixture
def run(finished: Training[DetectorOptions], tmp_path: Path) -> Run:
    return msgspec.structs.replace(finished.run, root=Path(shutil.copytree(finished.run.root, tmp_path / "run")))


@pytest.mark.parametrize("form", NEEDS)
def test_what_is_exported_predicts_the_same(form: ExportFormat, run: Run, dataset: Dataset) -> None:
    for package in NEEDS[form]:
        pytest.importorskip(package, reason=f"{package} is not installed, so exports are not tested")
    path, parity = export_run(TRAINER, run, dataset, form)
    assert path.is_file()
    assert parity.images == 8
    metadata = read_metadata(path, form)
    assert (metadata.task, metadata.network, metadata.precision) == ("det", "yolo", "32")
    assert metadata.licence == "AGPL-3.0"  # that of Ultralytics, which the network is made of
    assert metadata.categories == dataset.categories
    assert metadata.input == NetworkInput(height=64, width=64, dtype="float32", padding="border-median")
    assert metadata.decoding["overlap"] == 0.5
    assert metadata.score_threshold == operating_score(run)
    files = [dataset.image_path(image) for image in dataset.splits["test"].images]
    _, original = predict_files(load_run_detector(run, CPU), files, dataset, 0.001)
    _, exported = predict_files(load_run_detector(run, CPU, exported=form), files, dataset, 0.001)
    best = [sorted((p.score for p in found), reverse=True)[:20] for found in (original, exported)]
    assert best[0] == pytest.approx(best[1], abs=1e-3)


def test_half_precision_is_nearly_the_same_and_not_for_onnx(run: Run, dataset: Dataset) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed, so exports are not tested")
    path, parity = export_run(TRAINER, run, dataset, "openvino", "bf16")
    assert path.is_file()
    assert isinstance(parity, MeasuredLoss)
    assert parity.lost["boxes AP"] <= 0.005
    with pytest.raises(OptionError, match="--precision bf16"):
        export_run(TRAINER, run, dataset, "onnx", "bf16")


def network(score: float, x: float) -> DetectorNetwork:
    def raw(pixels: torch.Tensor) -> torch.Tensor:
        return torch.tensor([x, 5, 2, 2, score]).reshape(1, 5, 1).repeat(len(pixels), 1, 1)

    return DetectorNetwork(raw, [8, 16, 32], CPU)


def test_parity_is_the_largest_difference_of_scores_and_of_sure_boxes() -> None:
    example_images = [np.zeros((20, 30, 3), np.uint8)] * 3
    found = compare(network(0.5, 10), network(0.25, 13), example_images, 32)
    assert found == DetectorParity(3, pytest.approx(0.25), pytest.approx(3))
    broken = compare(network(0.5, 10), network(float("nan"), 10), example_images, 32)
    assert not broken.within_tolerance()
    unsure = compare(network(0.5, 10), network(0.005, 13), example_images, 32)
    assert unsure == DetectorParity(3, pytest.approx(0.495), 0)


@pytest.mark.parametrize("form", NEEDS)
def test_an_export_of_another_model_is_refused(
    form: ExportFormat, run: Run, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exported file is a real one, of a model with other weights."""
    for package in NEEDS[form]:
        pytest.importorskip(package, reason=f"{package} is not installed, so exports are not tested")
    before = {path.name: path.read_bytes() for path in run.weights.iterdir()}
    write = exporting._write

    def write_another(model: torch.nn.Module, *rest: object) -> None:
        other = deepcopy(model)
        with torch.no_grad():
            for weights in other.parameters():
                weights.add_(0.01)
        write(other, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(exporting, "_write", write_another)
    with pytest.raises(OutputError, match="the exported model differs: on 8 images"):
        export_run(TRAINER, run, dataset, form)
    assert {path.name: path.read_bytes() for path in run.weights.iterdir()} == before


def test_a_missing_package_is_named() -> None:
    with pytest.raises(OptionError, match=r"--format onnx: needs no_such_runtime; install it"):
        need("onnx", "no_such_runtime")


def test_a_broken_export_is_refused(run: Run) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed, so exports are not tested")
    (run.weights / "best.onnx").write_bytes(b"nothing")
    write_record(run.weights / "best.onnx", checksums_of([run.weights / "best.onnx", run.weights / "best.pt"]))
    with pytest.raises(WeightsError, match="cannot be loaded"):
        load_exported(run.weights / "best.pt", "onnx")
