"""Exported models and whole runs that were received: one line, and nothing is written outside the run."""

import shutil
from pathlib import Path

import pytest

from tests.command import only_line, run_command
from tests.tiny_runs import TinyRuns
from training.export_record import checksums_of, exported_files, write_record


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07\x12\x00" * 100])
@pytest.mark.parametrize(("name", "export_format"), [("best.onnx", "onnx"), ("best.xml", "openvino")])
def test_a_damaged_export_is_one_line(
    content: bytes,
    name: str,
    export_format: str,
    received: Path,
    small_image: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("onnxruntime" if export_format == "onnx" else "openvino")
    (received / "weights" / name).write_bytes(content)
    (received / "weights" / "best.bin").write_bytes(b"")
    record(received / "weights" / name)
    assert run_command("train_det", "predict", received, small_image, "--exported", export_format) == 2
    assert "cannot be loaded" in only_line(capsys)


def record(path: Path) -> None:
    """The record that an export of the weights beside `path` has, as whoever sends a run can write it."""
    weights = next(path.parent / name for name in ("best.pt", "best.safetensors") if (path.parent / name).exists())
    write_record(path, checksums_of([*exported_files(path), weights]))


def write_onnx(path: Path, values: list[list[float]], *, name: str, is_float: bool) -> None:
    """A model that gives the same values for any input."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    flat = [value for row in values for value in row]
    size = (len(values), len(values[0]))
    constant = helper.make_tensor("values", kinds.FLOAT, size, flat)
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["out"], value=constant)],
        "graph",
        [helper.make_tensor_value_info(name, kinds.FLOAT if is_float else kinds.UINT8, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("out", kinds.FLOAT, size)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


WRONG_MODELS: dict[str, tuple[list[list[float]], str, str]] = {
    "another shape": ([[0.5] * 7] * 3, "rgb", "gives 3 x 7 values instead of"),
    "not a number": ([[float("nan")] * 3], "rgb", "gives values that are not numbers"),
    "another input": ([[0.5] * 3], "pixels", "cannot be run"),
}


@pytest.mark.parametrize("case", WRONG_MODELS)
@pytest.mark.parametrize("task", ["det", "seg", "cls", "anomaly"])
def test_an_export_of_another_model_is_one_line(
    task: str,
    case: str,
    tiny_runs: TinyRuns,
    small_image: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("onnxruntime")
    values, name, problem = WRONG_MODELS[case]
    run = Path(shutil.copytree(tiny_runs(task), tmp_path / task))
    write_onnx(run / "weights" / "best.onnx", values, name=name, is_float=task == "det")
    record(run / "weights" / "best.onnx")
    capsys.readouterr()
    assert run_command(f"train_{task}", "predict", run, small_image, "--exported", "onnx") == 2
    assert problem in capsys.readouterr().err.splitlines()[-1]


def test_onnx_runtime_prints_no_line_of_its_own(
    tiny_runs: TinyRuns, small_image: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It prints errors with names from the file, which can contain what changes a terminal."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    run, helper, kinds = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "cls")), onnx.helper, onnx.TensorProto
    size = helper.make_tensor("size", kinds.INT64, [2], [10**6, 10**6])
    node = helper.make_node("ConstantOfShape", ["size"], ["out"], name="\x1b[31mred")
    given = helper.make_tensor_value_info("rgb", kinds.UINT8, ["n", 3, "h", "w"])
    graph = helper.make_graph([node], "g", [given], [helper.make_tensor_value_info("out", 1, None)], [size])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (run / "weights" / "best.onnx").write_bytes(model.SerializeToString())
    record(run / "weights" / "best.onnx")
    capfd.readouterr()
    assert run_command("train_cls", "predict", run, small_image, "--exported", "onnx") == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "not enough memory to run it" in line  # 10^12 numbers
    assert "\x1b" not in line


def files_and_times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_received_run_writes_only_into_itself(
    tiny_runs: TinyRuns, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The dataset path in its config.yaml is read from and never written to."""
    run = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "cls" / "run"))
    dataset = Path(shutil.copytree(coco_folder, tmp_path / "private"))
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace(str(coco_folder.resolve()), str(dataset)))
    assert str(dataset) in (run / "config.yaml").read_text()
    before = files_and_times(dataset)
    for words in (["train_cls", "evaluate", run], ["view", run], ["train_cls", "export", run, "--format", "onnx"]):
        assert run_command(*words) == 0
    assert files_and_times(dataset) == before
    assert {path.name for path in tmp_path.iterdir()} == {"cls", "private"}
    capsys.readouterr()
