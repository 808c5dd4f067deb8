import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from datasets.coco import CocoFile
from datasets.formats.coco_file import read_coco, read_predictions, write_coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from evaluate.history_file import read_history
from evaluate.metrics import read_metrics
from evaluate.run_folder import read_config
from tests.command import only_line, run_command
from tests.train_seg.conftest import SMALL
from train_seg.model import read_spec
from train_seg.module import SegmenterModule
from train_seg.record import Recorder

FILES = {
    "config.yaml", "environment.json", "split.json", "history.csv", "curves.png", "metrics.json", "metrics.md",
    "weights/best.safetensors", "weights/last.safetensors", "predictions/val.json", "predictions/test.json",
}  # fmt: skip


def fit(dataset: Path, runs: Path, *more: object) -> int:
    return run_command("train_seg", "fit", dataset, *SMALL, "--runs", runs, *more)


def files_below(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def same_weights(first: Path, second: Path) -> bool:
    a, b = load_file(first), load_file(second)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def without_time(path: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_history(path)]


def change_split(dataset: Path, split: str, change: Callable[[CocoFile], CocoFile]) -> None:
    path = annotation_path(dataset, split)
    write_coco(path, change(read_coco(path)))


@pytest.fixture
def dataset(coco_folder: Path, tmp_path: Path) -> Path:
    """A copy of the dataset that a test may change."""
    return Path(shutil.copytree(coco_folder, tmp_path / "mine"))


def test_a_run_folder_holds_what_the_design_states_and_nothing_else(seg_run: Path) -> None:
    assert files_below(seg_run) == FILES
    assert files_below(seg_run.parents[1]) == {f"seg/{seg_run.name}/{name}" for name in FILES}
    assert [row["epoch"] for row in read_history(seg_run / "history.csv")] == [1, 2]
    assert {"train_loss", "val_loss", "val_dice", "val_iou", "lr"} <= set(read_history(seg_run / "history.csv")[0])


def test_the_configuration_is_resolved(seg_run: Path, coco_folder: Path) -> None:
    config = read_config(seg_run)
    assert config.task == "seg"
    assert Path(config.dataset) == coco_folder.resolve()
    assert config.options["imgsz"] == 64
    assert config.options["precision"] == "32"


def test_best_is_the_epoch_with_the_best_dice(seg_run: Path) -> None:
    rows = read_history(seg_run / "history.csv")
    best = max(rows, key=lambda row: (row["val_dice"], row["epoch"]))
    assert read_spec(seg_run / "weights/best.safetensors").epoch == best["epoch"]
    assert read_spec(seg_run / "weights/last.safetensors").epoch == 2


def test_negatives_are_limited_in_training_only(seg_run: Path, coco_folder: Path) -> None:
    split = json.loads((seg_run / "split.json").read_text())["images"]
    splits = load_dataset(coco_folder).splits
    defective = {a.image_id for a in splits["train"].annotations}
    assert len(split["train"]) == len(defective) + round(len(defective) / 2)
    assert len(split["val"]) == len(splits["val"].images)
    assert len(split["test"]) == len(splits["test"].images)


def test_predictions_are_of_the_split_at_original_size(seg_run: Path, coco_folder: Path) -> None:
    images = {image.id: image for image in load_dataset(coco_folder).splits["test"].images}
    for prediction in read_predictions(seg_run / "predictions/test.json"):
        image = images[prediction.image_id]
        assert prediction.segmentation is not None
        assert prediction.segmentation.size == (image.height, image.width)
        assert 0 <= prediction.score <= 1


@pytest.mark.parametrize(
    ("stop", "owner", "method", "rows"),
    [(signal.SIGINT, SegmenterModule, "training_step", 1), (signal.SIGTERM, Recorder, "_save_state", 2)],
)
def test_an_interrupted_run_is_resumed_to_the_same_end_as_another_of_the_same_seed(
    coco_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seg_run: Path,
    stop: signal.Signals,
    owner: type,
    method: str,
    rows: int,
) -> None:
    """Stopped in the second epoch, before a batch or between two of its files; the epoch is then done again."""
    whole = getattr(owner, method)

    def interrupt(self: object, *given: object) -> object:
        module_or_trainer: Any = given[0] if owner is Recorder else self
        if module_or_trainer.current_epoch == 1:
            os.kill(os.getpid(), stop)
        return whole(self, *given)

    runs = tmp_path / "runs"
    with monkeypatch.context() as patch:
        patch.setattr(owner, method, interrupt)
        assert fit(coco_folder, runs, "--epochs", 2) == 128 + stop
    run = runs / "seg" / coco_folder.name
    assert f"stopped after epoch 1 of 2; continue with --resume {run}" in capsys.readouterr().err
    assert len(read_history(run / "history.csv")) == rows
    assert (run / "weights/last.safetensors").is_file()
    assert not (run / "metrics.json").exists()
    # The run's own options hold, not those of the command line.
    assert run_command("train_seg", "fit", coco_folder, "--resume", run) == 0
    assert files_below(run) == FILES
    assert without_time(run / "history.csv") == without_time(seg_run / "history.csv")
    for name in ("best", "last"):
        assert same_weights(run / f"weights/{name}.safetensors", seg_run / f"weights/{name}.safetensors")
    assert (run / "metrics.json").read_bytes() == (seg_run / "metrics.json").read_bytes()
    assert list((runs / "seg").iterdir()) == [run]


def test_a_run_stopped_before_its_first_epoch_leaves_nothing(
    coco_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SegmenterModule, "training_step", interrupt)
    assert fit(coco_folder, tmp_path / "runs") == 130
    assert not (tmp_path / "runs").exists()


def test_nothing_is_written_outside_the_run_folder(
    coco_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even into a run of the same name, which exists."""
    before = files_below(coco_folder)
    work, home = tmp_path / "work", tmp_path / "home"
    (work / "runs/seg/mine").mkdir(parents=True)
    home.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HOME", str(home))
    assert fit(coco_folder, work / "runs", "--epochs", 1, "--name", "mine", "--monitor", "loss") == 0
    assert files_below(work) == {f"runs/seg/mine-2/{name}" for name in FILES}
    assert files_below(home) == set()
    assert files_below(coco_folder) == before
    reported = capsys.readouterr().err
    assert "lightning" not in reported.lower()
    assert "warning" not in reported.lower()


def test_without_val_the_last_epoch_is_best(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_split(dataset, "val", lambda coco: msgspec.structs.replace(coco, images=[], annotations=[]))
    assert fit(dataset, tmp_path / "runs", "--epochs", 2) == 0
    run = tmp_path / "runs/seg/mine"
    assert "val has no image: the last epoch is taken as the best" in capsys.readouterr().err
    assert read_spec(run / "weights/best.safetensors").epoch == 2
    assert read_spec(run / "weights/best.safetensors").pixel_threshold == 0.5
    point = read_metrics(run / "metrics.json").operating_point
    assert (point.score_threshold, point.chosen_on) == (0.5, "default")  # faint places are not counted
    assert "val_loss" not in read_history(run / "history.csv")[0]


@pytest.mark.parametrize("monitor", ["dice", "loss"])
def test_without_annotations_in_val_only_the_loss_can_choose(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monitor: str
) -> None:
    change_split(dataset, "val", lambda coco: msgspec.structs.replace(coco, annotations=[]))
    assert fit(dataset, tmp_path / "runs", "--epochs", 1, "--monitor", monitor) == 0
    reported = "val has no annotation: the last epoch is taken as the best" in capsys.readouterr().err
    assert reported == (monitor == "dice")
    rows = read_history(tmp_path / "runs/seg/mine/history.csv")
    assert "val_loss" in rows[0]
    assert "val_dice" not in rows[0]


def test_crops_need_an_annotation_in_val(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_split(dataset, "val", lambda coco: msgspec.structs.replace(coco, annotations=[]))
    assert fit(dataset, tmp_path / "runs", "--epochs", 1, "--monitor", "loss", "--tile", 32) == 0
    assert "val has no annotation: the last epoch is taken as the best" in capsys.readouterr().err


def test_one_type_and_no_negatives_and_no_test_will_do(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def only_first_type(coco: CocoFile) -> CocoFile:
        chosen = [a for a in coco.annotations if a.category_id == 1]
        with_defect = {a.image_id for a in chosen}
        images = [image for image in coco.images if image.id in with_defect]
        return CocoFile(images, chosen, coco.categories[:1])

    for split in ("train", "val"):
        change_split(dataset, split, only_first_type)
    annotation_path(dataset, "test").unlink()
    assert fit(dataset, tmp_path / "runs", "--epochs", 1) == 0
    assert "test has no image: nothing is measured" in capsys.readouterr().err
    assert read_spec(tmp_path / "runs/seg/mine/weights/best.safetensors").categories[0].id == 1


def test_a_training_without_annotations_is_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change_split(dataset, "train", lambda coco: msgspec.structs.replace(coco, annotations=[]))
    assert fit(dataset, tmp_path / "runs") == 2
    assert "the split train has no annotation" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--imgsz", 250], "--imgsz 250: not a multiple of 16"),
        (["--epochs", -1], "--epochs -1: not a value it takes"),
        (["--monitor", "accuracy"], "--monitor accuracy: not a value it takes"),
        (["--device", "tpu9"], "--device tpu9: not a device"),
        (["--device", "97"], "--device 97: this machine has"),
        (["--negatives", "many"], "--negatives many: not a number"),
        (["--encoder", "resnet19"], "--encoder resnet19: not an encoder"),
        (["--name", "a/b"], "--name a/b: not a plain folder name"),
        (["--encoder-weights", "no/such.pt"], "no/such.pt: no such file"),
        (["--resume", "no/such/run"], "--resume no/such/run: a run continues with its own options"),
    ],
)
def test_bad_options_end_in_one_line_and_leave_nothing(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[object], reported: str
) -> None:
    assert fit(coco_folder, tmp_path / "runs", *arguments) == 2
    assert reported in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_weights_that_are_none_end_in_one_line(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.pt").write_text("no weights")
    assert fit(coco_folder, tmp_path / "runs", "--encoder-weights", tmp_path / "r.pt") == 2
    assert "cannot be read as weights" in only_line(capsys)
    assert not (tmp_path / "runs").exists()


def test_a_finished_run_is_not_resumed(
    seg_run: Path, coco_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("train_seg", "fit", coco_folder, "--resume", seg_run) == 2
    assert "the run is finished" in only_line(capsys)


def test_a_damaged_resume_state_ends_in_one_line(
    seg_run: Path, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(seg_run, tmp_path / "run"))
    (run / "metrics.json").unlink()
    (run / "weights/last.ckpt").write_bytes(b"damaged")
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("epochs: 2", "epochs: 3"))
    assert run_command("train_seg", "fit", coco_folder, "--resume", run) == 2
    assert "last.ckpt" in capsys.readouterr().err.splitlines()[-1]
    assert (run / "weights/last.safetensors").is_file()


def test_another_dataset_cannot_resume_a_run(
    seg_run: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(seg_run, tmp_path / "run"))
    (run / "metrics.json").unlink()
    torch.save({"callbacks": {"Recorder": {"rows": [{}]}}}, run / "weights/last.ckpt")
    provenance = json.loads((dataset / "dataset.json").read_text())
    provenance["content_sha256"] = "0" * 64
    (dataset / "dataset.json").write_text(json.dumps(provenance))
    assert run_command("train_seg", "fit", dataset, "--resume", run) == 2
    assert "not the dataset of the run" in only_line(capsys)
