"""The model of a run for X-AnyLabeling: its YAML, and refusals. The trainer's own export is tested with the
trainer."""

from pathlib import Path

import msgspec
import onnx
import pytest
from onnx import TensorProto, helper

from annotate import export_model
from tests.command import json_result, only_line, run_command

KEYS = {"type", "name", "display_name", "model_path", "classes", "conf_threshold", "iou_threshold"}


def make_run(root: Path, dataset: Path, task: str = "det") -> Path:
    root.mkdir(parents=True)
    (root / "config.yaml").write_text(f"kind: {task}\ndataset: {dataset}\noptions: {{imgsz: 64}}\n")
    (root / "metrics.json").write_text('{"operating_point": {"score_threshold": 0.31}}')
    return root


def network(path: Path, rows: int, channels: int = 3) -> Path:
    """An ONNX file with an input of 1 x channels x 64 x 64 and an output of 1 x rows x 84."""
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, channels, 64, 64])
    output = helper.make_tensor_value_info("raw", TensorProto.FLOAT, [1, rows, 84])
    value = helper.make_tensor("value", TensorProto.FLOAT, [1, rows, 84], [0.0] * rows * 84)
    graph = helper.make_graph([helper.make_node("Constant", [], ["raw"], value=value)], "g", [given], [output])
    onnx.save(helper.make_model(graph), str(path))
    return path


def test_a_detector(
    coco_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "runs/det/a b", coco_folder)
    model = network(tmp_path / "best.onnx", 4 + 3)
    monkeypatch.setattr(export_model, "_export", lambda _: model)
    assert run_command("annotate", "export", run, "--for", "x-anylabeling", "--json") == 0
    result = json_result(capsys)
    config = msgspec.yaml.decode((run / "x-anylabeling/model.yaml").read_bytes())
    assert set(config) >= KEYS
    assert config["classes"] == result["classes"] == ["broken_large", "broken_small", "contamination"]
    assert (config["type"], config["conf_threshold"], config["input_width"]) == ("yolov8", 0.31, 64)
    assert " " not in config["name"]
    assert (run / "x-anylabeling" / config["model_path"]).read_bytes() == model.read_bytes()
    assert run_command("annotate", "export", run, "--for", "x-anylabeling") == 0  # again, in the same place


def test_models_that_it_cannot_use(
    coco_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for task in ("seg", "cls"):
        run = make_run(tmp_path / task, coco_folder, task)
        assert run_command("annotate", "export", run, "--for", "x-anylabeling") == 2
        assert f"a run of train_{task}; X-AnyLabeling has no type of model for it" in only_line(capsys)
    run = make_run(tmp_path / "det", coco_folder)
    monkeypatch.setattr(export_model, "_export", lambda _: network(tmp_path / "m.onnx", 4 + 3 + 32))
    assert run_command("annotate", "export", run, "--for", "x-anylabeling") == 2
    assert "its network gives [[1, 39, 84]] and not boxes" in only_line(capsys)
    monkeypatch.setattr(export_model, "_export", lambda _: network(tmp_path / "m.onnx", 4 + 3, channels=4))
    assert run_command("annotate", "export", run, "--for", "x-anylabeling") == 2
    assert "needs the map of good images as a fourth channel; train one without --good-map" in only_line(capsys)
    assert not (run / "x-anylabeling").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    assert run_command("annotate", "export", run, "--for", "x-anylabeling", "--out", other) == 2
    assert "exists and is not empty" in only_line(capsys)


def test_a_trainer_that_cannot_export_is_reported(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real command, without weights."""
    run = make_run(tmp_path / "det", coco_folder)
    assert run_command("annotate", "export", run, "--for", "x-anylabeling") == 2
    assert "weights: no weights of a finished epoch" in only_line(capsys)
    assert not (run / "x-anylabeling").exists()
