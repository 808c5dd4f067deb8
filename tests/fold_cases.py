"""What a cross-validation by any trainer must do, checked by the files it leaves."""

import shutil
from pathlib import Path

import pytest

from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.history_file import read_history
from evaluate.metrics import read_metrics
from evaluate.run_folder import Run, load_run, read_split
from tests.command import only_line, run_command
from training.cross_validation import folds_of
from training.new_run import new_folds
from training.options import SharedOptions


class Chosen(SharedOptions, frozen=True, kw_only=True):
    """The options that a trainer has in common with any other."""

    seed: int = 4


def make_folds(dataset: Dataset, runs: Path, *, folds: int = 3, val: float = 0.0, **options: object) -> Run:
    """The folders of a cross-validation."""
    return new_folds("seg", dataset, Chosen(**options), runs, "crossed", folds, val)  # type: ignore[arg-type]


def fit_two_folds(command: str, dataset: Path, runs: Path, *options: object) -> Path:
    """A cross-validation of two folds and one epoch with two pasted images each; returns its run folder."""
    tiny = ("--folds", 2, "--paste", 2, "--epochs", 1, "--imgsz", 64, "--device", "cpu", "--negatives", 4)
    assert run_command(command, "fit", dataset, "--runs", runs, *tiny, *options) == 0
    return runs / command.removeprefix("train_") / dataset.name


def check_pooled(root: Path, dataset: Path, number: str = "boxes AP") -> None:
    """Every image is tested once by a fold that did not train on it, and the parent holds what they found."""
    run, data = load_run(root), load_dataset(dataset)
    folds = folds_of(run)
    everything = sorted(image.file_name for coco in data.splits.values() for image in coco.images)
    assert sorted(name for fold in folds for name in read_split(fold).images["test"]) == everything
    for fold in folds:
        split = read_split(fold).images
        assert not set(split["train"]) & set(split["test"])
        assert [name for name in split["train"] if name.startswith("paste/")] == [
            "paste/0000.png",
            "paste/0001.png",
        ]
        assert len(read_history(fold.history)) == 1
    pooled = read_metrics(run.metrics)
    assert pooled.folds is not None
    assert len(pooled.folds.score_thresholds) == 2
    defective = {a.image_id for coco in data.splits.values() for a in coco.annotations}
    assert (pooled.images.defective, pooled.images.good) == (len(defective), len(everything) - len(defective))
    found = [p for fold in folds for p in read_predictions(fold.predictions("test"))]
    assert sorted(map(str, read_predictions(run.predictions("test")))) == sorted(map(str, found))
    assert f"| {number} |" in run.metrics.with_suffix(".md").read_text()


def check_resumed(command: str, root: Path, dataset: Path, copy: Path, state: str) -> None:
    """A fold that was lost, and one that was killed before its measures, come to the same end by --resume."""
    shutil.copytree(root, copy)
    before = read_metrics(copy / "metrics.json")
    shutil.rmtree(copy / "fold-2/weights")
    (copy / "fold-2/weights").mkdir()
    for name in ("metrics.json", "fold-2/metrics.json", "fold-2/predictions/test.json", "fold-2/history.csv"):
        (copy / name).unlink()
    untouched = (copy / "fold-1/weights" / state).stat().st_mtime_ns
    assert run_command(command, "fit", dataset, "--resume", copy) == 0
    assert (copy / "fold-1/weights" / state).stat().st_mtime_ns == untouched
    assert read_metrics(copy / "metrics.json") == before


def check_answers(command: str, root: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Further options of a cross-validation."""
    assert run_command(command, "evaluate", root, "--operating-point", "alarms<=0", "--device", "cpu") == 0
    metrics = read_metrics(root / "metrics.json")
    assert metrics.operating_point.rule == "alarms<=0"
    capsys.readouterr()
    image = next((dataset / "images").rglob("*.png"))
    assert run_command(command, "predict", root, image) == 2
    assert "a cross-validation has no weights of its own; name a fold:" in only_line(capsys)
    assert run_command(command, "fit", dataset, "--resume", root, "--folds", 3) == 2
    assert "leave out --folds" in only_line(capsys)
    none = "--encoder-weights" if command == "train_seg" else "--weights"
    assert run_command(command, "fit", dataset, "--folds", 1000, none, "none", "--runs", root.parent / "none") == 2
    assert "--folds 1000" in only_line(capsys)
    assert not (root.parent / "none").exists()
