"""Metadata in exported files: what the run states, and files without it; each trainer tests its own exports."""

import json
from pathlib import Path

import pytest

from datasets.coco import Category
from datasets.images.bit_depth import IntensityRange
from evaluate.run_folder import Run, RunSplit
from system.errors import WeightsError
from system.json_file import write_json
from training.export_metadata import (
    NetworkDescription,
    NetworkInput,
    export_metadata,
    read_metadata,
    report_other_thresholds,
    write_metadata,
)

CHIP = Category(7, "chip")
DESCRIPTION = NetworkDescription(
    network="unet",
    categories=[CHIP],
    input=NetworkInput(height=64, width=32, padding="edge"),
    output="logits",
    default_score=0.25,
)
DEEP = IntensityRange("integer", 0.0, 1023.0)


def run_with_splits(folder: Path, intensities: list[IntensityRange]) -> Run:
    run = Run(folder, "seg")
    write_json(run.root / "split.json", RunSplit("bottles", None, {}, intensities))
    return run


def test_thresholds_are_those_of_the_run_or_the_default(tmp_path: Path) -> None:
    run = run_with_splits(tmp_path, [DEEP])
    assert export_metadata(run, DESCRIPTION, "32").score_threshold == 0.25
    point = {"score_threshold": 0.625, "types": {"chip": 0.5}}
    run.metrics.write_text(json.dumps({"operating_point": point}))
    metadata = export_metadata(run, DESCRIPTION, "bf16")
    assert (metadata.score_threshold, metadata.type_thresholds) == (0.625, {"chip": 0.5})
    assert (metadata.task, metadata.precision, metadata.categories) == ("seg", "bf16", [CHIP])
    assert metadata.intensities == [DEEP]


def test_an_onnx_file_keeps_its_network_and_what_others_wrote(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed, so exports are not tested")
    helper, tensor = onnx.helper, onnx.TensorProto.FLOAT
    ends = [helper.make_tensor_value_info(name, tensor, [1]) for name in ("a", "b")]
    graph = helper.make_graph([helper.make_node("Abs", ["a"], ["b"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph)
    helper.set_model_props(model, {"author": "me"})
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    with pytest.raises(WeightsError, match="has no metadata of defectline"):
        read_metadata(path, "onnx")
    metadata = export_metadata(run_with_splits(tmp_path, []), DESCRIPTION, "32")
    write_metadata(path, "onnx", metadata)
    assert read_metadata(path, "onnx") == metadata
    read = onnx.load(path)
    assert read.graph == model.graph
    assert {entry.key for entry in read.metadata_props} == {"author", "defectline"}


def test_an_export_with_former_thresholds_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`evaluate --operating-point` changes those of the run; a program that uses the file would not notice."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed, so exports are not tested")
    run = run_with_splits(tmp_path, [])
    run.weights.mkdir()
    path = run.weights / "best.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [])), path)
    write_metadata(path, "onnx", export_metadata(run, DESCRIPTION, "32"))
    report_other_thresholds(run)
    run.metrics.write_text(json.dumps({"operating_point": {"score_threshold": 0.25, "types": {}}}))
    report_other_thresholds(run)
    assert capsys.readouterr().err == ""
    run.metrics.write_text(json.dumps({"operating_point": {"score_threshold": 0.5, "types": {}}}))
    report_other_thresholds(run)
    line = f"{path} still has the former score threshold 0.25: train_seg export {tmp_path} --format onnx\n"
    assert capsys.readouterr().err == line


def test_a_file_without_a_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed, so exports are not tested")
    path = tmp_path / "model.xml"
    path.write_text("<net/>")
    with pytest.raises(WeightsError, match="export it again"):
        read_metadata(path, "openvino")
