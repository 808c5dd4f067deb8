"""The shared commands with a trainer of one module: all they do, they do for any trainer."""

import io
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest

from datasets.formats.coco_file import read_predictions
from evaluate.history_file import read_history
from evaluate.metrics import read_metrics
from evaluate.run_folder import load_run, read_config, read_split
from tests.command import only_line, run_command
from tests.odd_datasets import DENT, SCRATCH, odd_folder
from tests.training import toy_trainer
from tests.training.toy_trainer import TRAINER, MeanBoxes, ToyOptions
from training.commands import run_trainer
from training.cross_validation import folds_of
from training.options import run_options

ROOT = Path(__file__).parents[2]
FILES = {
    "config.yaml", "environment.json", "split.json", "history.csv", "curves.png", "metrics.json", "metrics.md",
    "weights/best.json", "weights/last.json", "predictions/val.json", "predictions/test.json",
}  # fmt: skip


def run_toy(*arguments: object) -> int:
    """Exit status of `train_toy <arguments>`."""
    argv = ["train_toy", *(str(argument) for argument in arguments)]
    with mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit) as end:
        run_trainer(TRAINER)
    return int(end.value.code or 0)


def files_below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds are processes of their own, which import this module."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of 64 x 64, each with a box at (3, 4) of 12 x 12 pixels, but image 2: see odd_datasets."""
    return odd_folder(tmp_path_factory.mktemp("data") / "odd")


@pytest.fixture(scope="module")
def toy_run(data: Path) -> Path:
    """A run of two epochs; read only."""
    assert run_toy("fit", data, "--runs", data.parent / "runs", "--device", "cpu") == 0
    return data.parent / "runs" / "toy" / "odd"


def test_fit_leaves_the_run_folder_of_any_trainer(toy_run: Path) -> None:
    assert files_below(toy_run) == FILES
    assert read_config(toy_run).task == "toy"
    assert [row["epoch"] for row in read_history(toy_run / "history.csv")] == [1, 2]
    options = run_options(load_run(toy_run), ToyOptions)
    assert (options.epochs, options.scale, options.precision) == (2, 1.0, "32")


def test_the_mean_box_is_predicted_at_the_size_of_the_image(toy_run: Path) -> None:
    """Test is image 5 with a dent and image 6 with a scratch; both types are predicted in both, as often.

    Of the equal scores that of image 5 comes first: AP 1 for dents, and precision 1/2, so AP 1/2, for scratches.
    """
    predictions = read_predictions(toy_run / "predictions/test.json")
    assert {p.image_id for p in predictions} == {5, 6}
    assert {p.category_id for p in predictions} == {DENT.id, SCRATCH.id}
    for prediction in predictions:
        assert prediction.bbox == pytest.approx((3, 4, 12, 12))
        assert prediction.score == 0.5
    metrics = read_metrics(toy_run / "metrics.json")
    assert pytest.approx(0.75) == metrics.boxes.AP50
    assert metrics.masks is None


def test_a_recipe_and_a_flag_of_its_own(data: Path, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("epochs: 3\nscale: 0.25\n")
    made = ("--runs", tmp_path / "runs", "--recipe", tmp_path / "my.yaml", "--scale", 0.5)
    assert run_toy("fit", data, *made) == 0
    run = tmp_path / "runs/toy/odd"
    assert run_options(load_run(run), ToyOptions).scale == 0.5
    assert len(read_history(run / "history.csv")) == 3
    boxes = {p.bbox for p in read_predictions(run / "predictions/test.json")}
    assert all(box == pytest.approx((3, 4, 6, 6)) for box in boxes)


def test_options_are_checked_and_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_toy("fit", data, "--scale", 2, "--runs", tmp_path / "runs") == 2
    assert (
        only_line(capsys) == "train_toy: --scale 2.0: not a value it takes; give a number above 0 and of at most 1"
    )
    assert not (tmp_path / "runs").exists()


def test_an_option_of_one_value_has_no_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_toy("fit", "--help") == 0
    shown = capsys.readouterr().out
    assert "--scale" in shown
    assert "--folds" in shown
    assert "--precision" not in shown
    assert run_toy("predict", "--help") == 0
    shown = capsys.readouterr().out
    assert "--min-score" in shown
    assert "--tta" not in shown
    assert "--exported" not in shown


def test_recipe_prints_the_defaults(capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path) -> None:
    assert run_toy("recipe") == 0
    (tmp_path / "all.yaml").write_text(capsys.readouterr().out)
    assert run_toy("fit", data, "--recipe", tmp_path / "all.yaml", "--runs", tmp_path / "runs") == 0
    assert run_options(load_run(tmp_path / "runs/toy/odd"), ToyOptions) == ToyOptions()


def test_an_interrupted_run_is_resumed_to_the_same_end(
    data: Path, toy_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    distance = MeanBoxes.distance

    def interrupted(weights: MeanBoxes, boxes: list[object]) -> float:
        if weights.epoch == 2:
            raise KeyboardInterrupt
        return distance(weights, boxes)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(MeanBoxes, "distance", interrupted)
        assert run_toy("fit", data, "--runs", tmp_path) == 130
    run = tmp_path / "toy/odd"
    assert f"stopped after epoch 1 of 2; continue with --resume {run}" in capsys.readouterr().err
    assert run_toy("fit", "--resume", run) == 0  # on the run's own dataset
    assert "resuming after epoch 1 of 2" in capsys.readouterr().err
    for name in ("weights/best.json", "history.csv", "metrics.json", "predictions/test.json"):
        assert (run / name).read_bytes() == (toy_run / name).read_bytes(), name
    assert run_toy("fit", data, "--resume", run) == 2
    assert "the run is finished" in only_line(capsys)
    assert run_toy("fit") == 2
    assert "DATASET: missing; see" in only_line(capsys)


def test_patience_ends_the_training(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All boxes are the same, so the loss on val is 0 from the first epoch on and no epoch is better."""
    assert run_toy("fit", data, "--epochs", 9, "--patience", 2, "--runs", tmp_path) == 0
    assert len(read_history(tmp_path / "toy/odd/history.csv")) == 3
    assert "ended after epoch 3: 2 epochs without a better loss" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [(), ("--jobs", 2, "--val", 0.5)])
def test_folds_test_every_image_once(data: Path, tmp_path: Path, flags: tuple[object, ...]) -> None:
    assert run_toy("fit", data, "--folds", 2, *flags, "--runs", tmp_path, "--device", "cpu") == 0
    run = load_run(tmp_path / "toy/odd")
    for fold in folds_of(run):
        assert (fold.root / "fit.log").is_file() == ("--jobs" in flags)
    # three images of three strata: not every fold has one to spare for val
    assert any(read_split(fold).images["val"] for fold in folds_of(run)) == ("--val" in flags)
    tested = [name for fold in folds_of(run) for name in read_split(fold).images["test"]]
    assert sorted(tested) == [f"{number}.png" for number in range(6)]
    metrics = read_metrics(run.metrics)
    assert metrics.folds is not None
    assert len(metrics.folds.score_thresholds) == 2
    assert (metrics.images.defective, metrics.images.good) == (5, 1)


def test_predict_numbers_new_images_and_keeps_what_scores_enough(toy_run: Path, tmp_path: Path) -> None:
    (tmp_path / "line").mkdir()
    cv2.imwrite(str(tmp_path / "line/wide.png"), np.zeros((32, 128, 3), np.uint8))
    out = tmp_path / "found.json"
    assert run_toy("predict", toy_run, tmp_path / "line", "--out", out) == 0
    (listed,) = json.loads(out.with_suffix(".images.json").read_bytes())
    assert (listed["id"], listed["width"], listed["height"]) == (1, 128, 32)
    predictions = read_predictions(out)
    assert len(predictions) == 2
    assert predictions[0].bbox == pytest.approx((6, 2, 24, 6))
    assert run_toy("predict", toy_run, tmp_path / "line", "--out", out, "--min-score", 0.6) == 0
    assert read_predictions(out) == []


def test_predict_reads_names_from_standard_input(
    toy_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.png", "a.png", "c.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((32, 128, 3), np.uint8))
    names = "".join(f"{tmp_path / name}\0" for name in ("b.png", "a.png"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(names.encode())))
    out = tmp_path / "found.json"
    assert run_toy("predict", toy_run, "-", tmp_path / "c.png", "--out", out) == 0
    listed = json.loads(out.with_suffix(".images.json").read_bytes())
    assert [Path(one["file_name"]).name for one in listed] == ["b.png", "a.png", "c.png"]
    capsys.readouterr()
    assert run_toy("predict", toy_run) == 2
    assert "IMAGES: no image is named; name images or folders, give - or --watch DIR" in capsys.readouterr().err


def test_predict_watches_a_folder_until_it_is_interrupted(toy_run: Path, tmp_path: Path) -> None:
    pytest.importorskip("watchfiles", reason="watchfiles is not installed, so --watch is not tested")
    folder, out = tmp_path / "line", tmp_path / "found.jsonl"
    folder.mkdir()
    cv2.imwrite(str(folder / "wide.png"), np.zeros((32, 128, 3), np.uint8))

    def interrupt() -> None:
        while not out.is_file() or not out.read_bytes().endswith(b"\n"):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    assert run_toy("predict", toy_run, "--watch", folder, "--out", out) == 0
    thread.join()
    (line,) = (json.loads(text) for text in out.read_text().splitlines())
    assert (line["file_name"], line["width"]) == ("wide.png", 128)
    assert [p["bbox"] for p in line["predictions"]] == [pytest.approx([6, 2, 24, 6]), pytest.approx([6, 2, 24, 6])]


def test_evaluate_comes_to_the_numbers_of_fit(toy_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(toy_run, tmp_path / "run"))
    names = ("metrics.json", "predictions/val.json", "predictions/test.json")
    for name in names:
        (run / name).unlink()
    assert run_toy("evaluate", run) == 0
    assert all((run / name).read_bytes() == (toy_run / name).read_bytes() for name in names)
    assert run_toy("evaluate", run, "--operating-point", "alarms<=0") == 0
    assert read_metrics(run / "metrics.json").operating_point.rule == "alarms<=0"


def test_export_is_refused(toy_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_toy("export", toy_run) == 2
    assert only_line(capsys) == "train_toy: --format openvino: train_toy has no export; use train_toy predict"


def test_a_run_of_another_trainer_is_refused(toy_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train_det", "evaluate", toy_run) == 2
    assert "a run of train_toy; name one of train_det, or use train_toy" in only_line(capsys)


def test_view_shows_the_boxes(toy_run: Path, tmp_path: Path) -> None:
    assert run_command("view", toy_run, "--out", tmp_path / "page.html") == 0
    assert "toy/odd" in (tmp_path / "page.html").read_text()


def test_the_toy_is_as_short_as_it_claims() -> None:
    assert len(Path(toy_trainer.__file__).read_text().splitlines()) < 150


def test_thresholds_of_types_are_used_and_need_annotations(
    toy_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The toy finds each type in each image; with a threshold above every score, dents are left out."""
    copy, out = tmp_path / "odd", tmp_path / "found.json"
    shutil.copytree(toy_run, copy)
    images = toy_run.parents[2] / "odd" / "images"
    stored = json.loads((copy / "metrics.json").read_text())
    stored["operating_point"] |= {"score_threshold": 0.1, "types": {DENT.name: 0.99, SCRATCH.name: 0.1}}
    (copy / "metrics.json").write_text(json.dumps(stored))
    assert run_toy("predict", copy, images, "--out", out, "--device", "cpu") == 0
    assert {p.category_id for p in read_predictions(out)} == {SCRATCH.id}
    assert run_toy("predict", copy, images, "--out", out, "--device", "cpu", "--min-score", 0.1) == 0
    assert {p.category_id for p in read_predictions(out)} == {SCRATCH.id, DENT.id}
    capsys.readouterr()
    before = files_below(copy)
    assert run_toy("evaluate", copy, "--operating-point", "max-f1/type", "--device", "cpu") == 2
    assert "images to choose its threshold on, 10 are needed" in only_line(capsys)
    assert files_below(copy) == before
