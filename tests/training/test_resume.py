"""How a run ends before its time: what is kept of it, and what is printed."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import Run
from system.errors import InputError, WeightsError
from tests.command import only_line, run_command
from tests.fold_cases import Chosen, make_folds
from tests.odd_datasets import odd_folder
from training.cross_validation import folds_of
from training.history import write_history
from training.new_run import new_run
from training.resume import dataset_to_train, kept_if_begun, unfinished_run
from training.several_trainings import check_trained_to_the_end


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run("det", load_dataset(odd_folder(tmp_path / "odd")), Chosen(), tmp_path / "runs", None)


def epochs_in(state: Path) -> int:
    return int(state.read_text())


def end(run: Run, error: BaseException) -> None:
    with kept_if_begun(run, run.weights / "last.pt", 9, epochs_in):
        raise error


STOPS = [(KeyboardInterrupt(), 130), (SystemExit(128 + signal.SIGTERM), 143)]


@pytest.mark.parametrize(("stop", "status"), STOPS)
def test_a_stop_before_the_first_epoch_leaves_nothing(stop: BaseException, status: int, run: Run) -> None:
    with pytest.raises(SystemExit) as reported:
        end(run, stop)
    assert reported.value.code == status
    assert not run.root.parents[1].exists()


@pytest.mark.parametrize(("stop", "status"), STOPS)
def test_a_stop_later_states_the_epoch_that_a_resume_goes_on_from(
    stop: BaseException, status: int, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped when the fourth row of the history was written, and the state of the fourth epoch was not."""
    (run.weights / "last.pt").write_text("3")
    write_history(run.history, [{"epoch": epoch} for epoch in (1, 2, 3, 4)])
    with pytest.raises(SystemExit) as reported:
        end(run, stop)
    assert reported.value.code == status
    assert capsys.readouterr().err == f"stopped after epoch 3 of 9; continue with --resume {run.root}\n"
    assert unfinished_run(run.root, "det", "last.pt") == run


def test_an_error_is_passed_on_and_keeps_what_was_begun(run: Run) -> None:
    (run.weights / "last.pt").write_text("3")
    with pytest.raises(InputError, match="cut"):
        end(run, InputError("a.png", "cut", "fix it"))
    assert run.root.is_dir()
    (run.weights / "last.pt").unlink()
    with pytest.raises(InputError, match="cut"):
        end(run, InputError("a.png", "cut", "fix it"))
    assert not run.root.exists()


def test_other_runs_beside_it_stay(run: Run) -> None:
    (run.root.parent / "other").mkdir()
    with pytest.raises(SystemExit):
        end(run, KeyboardInterrupt())
    assert [path.name for path in run.root.parent.iterdir()] == ["other"]


def test_a_fold_stays_and_can_be_begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = make_folds(load_dataset(odd_folder(tmp_path / "odd")), tmp_path / "runs", folds=2)
    fold = unfinished_run(whole.root / "fold-1", "seg", "last.ckpt")
    with pytest.raises(SystemExit):
        end(fold, KeyboardInterrupt())
    assert capsys.readouterr().err == ""
    assert unfinished_run(fold.root, "seg", "last.ckpt") == fold


def test_a_training_that_is_not_finished_is_not_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its metrics.json would make `--resume` and `evaluate best` take it for a finished one."""
    whole = make_folds(load_dataset(odd_folder(tmp_path / "odd")), tmp_path / "runs", folds=2, epochs=4)
    first, second = folds_of(whole)
    measured(first)
    (second.weights / "best.pt").touch()
    write_history(second.history, [{"epoch": epoch} for epoch in (1, 2, 3)])
    assert run_command("train_seg", "evaluate", whole.root) == 2
    message = f"{second.root}: its training is not finished (epoch 3 of 4); finish it by train_seg fit --resume "
    assert only_line(capsys) == f"train_seg: {message}{whole.root}"
    write_history(second.history, [{"epoch": epoch} for epoch in (1, 2, 3, 4)])
    check_trained_to_the_end(whole)


def measured(run: Run) -> None:
    run.metrics.write_text("{}")


@pytest.mark.parametrize(
    ("change", "kind", "error", "message"),
    [
        (lambda _: None, "seg", InputError, "a run of train_det; name one of train_seg, or use train_det"),
        (measured, "det", InputError, "the run is finished"),
        (lambda _: None, "det", WeightsError, "last.pt: no such file, nothing to resume"),
    ],
)
def test_what_cannot_be_resumed(
    change: Callable[[Run], None], kind: str, error: type[Exception], message: str, run: Run
) -> None:
    change(run)
    with pytest.raises(error, match=message):
        unfinished_run(run.root, kind, "last.pt")


def test_a_run_is_resumed_on_its_own_dataset_if_none_is_given(tmp_path: Path, run: Run) -> None:
    run_dataset = tmp_path / "odd"
    assert dataset_to_train(None, run.root, "det") == load_dataset(run_dataset)
    run_dataset.rename(tmp_path / "moved")
    with pytest.raises(InputError, match=r"its dataset .*odd does not exist; give its new location with DATASET"):
        dataset_to_train(None, run.root, "det")
    with pytest.raises(InputError, match="other"):
        dataset_to_train(tmp_path / "other", run.root, "det")
    with pytest.raises(InputError, match="a run of train_det"):
        dataset_to_train(None, run.root, "seg")


def test_a_run_is_not_resumed_on_edited_annotations(tmp_path: Path, run: Run) -> None:
    """dataset.json stays the same where a file is edited, and some datasets have none."""
    shutil.copytree(tmp_path / "odd", tmp_path / "copy")
    path = tmp_path / "copy/annotations/instances_train.json"
    assert dataset_to_train(tmp_path / "copy", run.root, "det").root == tmp_path / "copy"
    content = json.loads(path.read_text())
    content["annotations"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="annotations: not the annotations that the training began with; restore"):
        dataset_to_train(tmp_path / "copy", run.root, "det")
