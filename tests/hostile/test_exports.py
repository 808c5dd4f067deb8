"""Exported models and whole runs that were received: one line, and nothing is written outside the run."""

import shutil
from pathlib import Path

import pytest

from tests.command import only_line, run_command
from tests.tiny_runs import TinyRuns


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
    assert run_command("train_det", "predict", received, small_image, "--exported", export_format) == 2
    assert "cannot be loaded" in only_line(capsys)


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
