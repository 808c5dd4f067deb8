"""A received run whose folders are links: no command writes to their targets."""

import json
import shutil
from pathlib import Path

import pytest

from datasets.formats.dataset_folder import load_dataset
from evaluate.map_folder import new_maps
from evaluate.run_folder import Run
from system.errors import InputError
from system.links import check_own_folder
from tests.command import only_line, run_command
from tests.fold_cases import make_folds
from tests.tiny_runs import TinyRuns
from training.exported_model import new_export
from training.loggers import logging_to
from training.member_task import LOG_FILE, open_log
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


@pytest.mark.parametrize("made_of", ["fold", "seed"])
def test_a_fold_or_seed_that_is_a_link_is_refused(
    made_of: str, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_folds(load_dataset(coco_folder), tmp_path / "runs", folds=2)
    if made_of == "seed":
        config = (run.root / "config.yaml").read_text()
        (run.root / "config.yaml").write_text(config.replace("folds: 2", "folds: 0\nseeds: [1, 2]"))
        for number in (1, 2):
            (run.root / f"fold-{number}").rename(run.root / f"seed-{number}")
    before = move_out(run.root / f"{made_of}-2", tmp_path / "private")
    for words in (["evaluate", run.root], ["export", run.root], ["fit", coco_folder, "--resume", run.root]):
        assert run_command("train_seg", *words) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert f"{made_of}-2: a link to {tmp_path / 'private'}" in last or "name" in last
    assert contents(tmp_path / "private") == before


def test_the_log_of_a_fold_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("kept")
    (tmp_path / "fold-1").mkdir()
    (tmp_path / "fold-1" / LOG_FILE).symlink_to(tmp_path / "private")
    with pytest.raises(InputError, match=r"fit\.log: a link or a folder"):
        open_log(tmp_path / "fold-1")
    assert (tmp_path / "private").read_text() == "kept"
    (tmp_path / "fold-1" / LOG_FILE).unlink()
    for line in (b"a", b"b"):
        with open_log(tmp_path / "fold-1") as log:
            log.write(line)
    assert (tmp_path / "fold-1" / LOG_FILE).read_bytes() == b"ab"
    with pytest.raises(FileNotFoundError):  # a fault of the system keeps its own words
        open_log(tmp_path / "fold-2")


@pytest.mark.parametrize("name", ["tensorboard", "mlflow.db"])
def test_no_logger_writes_through_a_link(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.loggers.check_logger", lambda _: None)
    (tmp_path / name).symlink_to(tmp_path / "private")
    with (
        pytest.raises(InputError, match="a link to"),
        logging_to(name.partition(".")[0], Run(tmp_path, "seg"), {}),
    ):
        pytest.fail("the block must not run")
    assert not (tmp_path / "private").exists()


def test_a_run_may_be_named_by_a_link(tiny_runs: TinyRuns, tmp_path: Path) -> None:
    """Only folders in the run are checked: the run itself is what the user names."""
    run = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "run"))
    link = tmp_path / "link"
    link.symlink_to(run)
    check_own_folder(link / "predictions")
    (run / "metrics.json").unlink()
    assert run_command("train_cls", "evaluate", link) == 0
    assert json.loads((run / "metrics.json").read_text())["operating_point"]
