"""A received run whose folders are links: no command writes to their targets."""

import json
import shutil
from pathlib import Path

import pytest

from evaluate.map_folder import new_maps
from system.errors import InputError
from system.links import check_own_folder
from tests.command import only_line, run_command
from tests.tiny_runs import TinyRuns
from training.exported_model import new_export
from training.resume import unfinished_run


def move_out(folder: Path, private: Path) -> dict[str, bytes]:
    """Move `folder` to `private` and leave a link; its files."""
    shutil.move(folder, private)
    folder.symlink_to(private)
    return contents(private)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_evaluate_writes_no_predictions_through_a_link(
    tiny_runs: TinyRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, private = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "run")), tmp_path / "private"
    (run / "predictions" / "test.json").write_text("[]")
    before = move_out(run / "predictions", private)
    assert run_command("train_cls", "evaluate", run) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"predictions: a link to {private}, so a file would be written there; replace it by a folder" in last
    assert contents(private) == before


def test_export_writes_nothing_through_a_link(
    tiny_runs: TinyRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxscript", reason="onnxscript is not installed, so exports are not tested")
    run, private = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "run")), tmp_path / "private"
    before = move_out(run / "weights", private)
    assert run_command("train_cls", "export", run, "--format", "onnx") == 2
    assert f"weights: a link to {private}" in only_line(capsys)
    assert contents(private) == before


@pytest.mark.parametrize("name", ["weights", "predictions"])
def test_a_resumed_training_writes_nothing_through_a_link(name: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for folder in ("weights", "predictions"):
        (run / folder).mkdir(parents=True)
    (run / "config.yaml").write_text("kind: seg\ndataset: /a\noptions: {}\n")
    (run / "weights" / "last.ckpt").write_bytes(b"state")
    before = move_out(run / name, tmp_path / "private")
    with pytest.raises(InputError, match=f"{name}: a link to"):
        unfinished_run(run, "seg", "last.ckpt")
    assert contents(tmp_path / "private") == before


def test_maps_and_exports_are_written_into_a_folder_of_their_own(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (tmp_path / "maps").symlink_to(private)
    with pytest.raises(InputError, match="maps: a link to"), new_maps(tmp_path / "maps" / "test", "score"):
        pytest.fail("the block must not run")
    with pytest.raises(InputError, match="maps: a link to"), new_export(tmp_path / "maps" / "best.pt", "onnx"):
        pytest.fail("the block must not run")
    assert list(private.iterdir()) == []


def test_a_run_may_be_named_by_a_link(tiny_runs: TinyRuns, tmp_path: Path) -> None:
    """Only folders in the run are checked: the run itself is what the user names."""
    run = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "run"))
    link = tmp_path / "link"
    link.symlink_to(run)
    check_own_folder(link / "predictions")
    (run / "metrics.json").unlink()
    assert run_command("train_cls", "evaluate", link) == 0
    assert json.loads((run / "metrics.json").read_text())["operating_point"]
