"""Real trainings of an epoch or two: what they leave behind, and that they can be repeated and continued."""

import os
import shutil
import signal
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image as PillowImage

from datasets.coco import CocoFile
from datasets.formats.coco_file import read_coco, read_predictions, write_coco
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset
from evaluate.history_file import read_history
from evaluate.run_folder import Run, read_split
from system.errors import DefectlineError, InputError, OptionError, WeightsError
from tests.train_det.conftest import fit_tiny, tiny_options
from train_det import fit as fitting
from train_det import ultralytics_api
from train_det.checkpoints import load_state, save_checkpoint
from train_det.cli import TRAINER
from train_det.data import TrainingImages
from train_det.options import DetectorOptions, with_learning_rate
from training.fit import Training, finish, resume, start, train
from training.options import run_options

WRITTEN = {
    "config.yaml", "environment.json", "split.json", "weights/best.pt", "weights/last.pt", "history.csv",
    "curves.png", "predictions/val.json", "predictions/test.json", "metrics.json", "metrics.md",
}  # fmt: skip


def files_below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def numbers(run: Run) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_history(run.history)]


def test_a_run_holds_what_the_design_states_and_nothing_else(
    finished: Training[DetectorOptions], dataset: Dataset
) -> None:
    run = finished.run
    assert files_below(run.root) == WRITTEN
    assert run.root.name == dataset.name
    assert run_options(run, DetectorOptions) == with_learning_rate(tiny_options())
    rows = read_history(run.history)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"train_loss", "box_loss", "val_loss", "AP", "AP50", "lr", "seconds"} <= rows[0].keys()
    assert read_split(run).images["test"] == [i.file_name for i in dataset.splits["test"].images]


def test_only_the_chosen_negatives_are_trained_on(finished: Training[DetectorOptions], dataset: Dataset) -> None:
    defective = {a.image_id for a in dataset.splits["train"].annotations}
    assert len(read_split(finished.run).images["train"]) == len(defective) + 4


def test_predictions_are_of_the_split_and_within_the_images(
    finished: Training[DetectorOptions], dataset: Dataset
) -> None:
    for split in ("val", "test"):
        sizes = {image.id: (image.width, image.height) for image in dataset.splits[split].images}
        found = read_predictions(finished.run.predictions(split))
        assert found
        for prediction in found:
            x, y, w, h = prediction.bbox
            width, height = sizes[prediction.image_id]
            assert x >= 0
            assert y >= 0
            assert x + w <= width + 0.01
            assert y + h <= height + 0.01


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    finished: Training[DetectorOptions], dataset: Dataset, tmp_path: Path
) -> None:
    again = fit_tiny(dataset, tmp_path)
    assert numbers(again.run) == numbers(finished.run)
    assert again.run.metrics.read_bytes() == finished.run.metrics.read_bytes()
    other = fit_tiny(dataset, tmp_path, seed=1, epochs=1)
    assert numbers(other.run)[0] != numbers(finished.run)[0]


def test_a_stopped_run_is_resumed_to_the_same_end(
    finished: Training[DetectorOptions], dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = start(TRAINER, dataset, tiny_options(), tmp_path, None)
    draw = TrainingImages.__getitem__

    def interrupted(images: TrainingImages, key: tuple[int, int]) -> object:
        if key[0] == 1:
            raise SystemExit(143)  # as on SIGTERM
        return draw(images, key)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingImages, "__getitem__", interrupted)
        with pytest.raises(SystemExit) as end:
            train(training)
    assert end.value.code == 143
    assert [row["epoch"] for row in read_history(training.run.history)] == [1]

    resumed = resume(TRAINER, dataset, training.run.root)
    train(resumed)
    finish(resumed)
    assert numbers(resumed.run) == numbers(finished.run)
    assert resumed.run.metrics.read_bytes() == finished.run.metrics.read_bytes()
    assert files_below(resumed.run.root) == WRITTEN


def test_a_kill_between_the_files_of_an_epoch_repeats_that_epoch(
    finished: Training[DetectorOptions],
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    training = start(TRAINER, dataset, tiny_options(), tmp_path, None)
    save, count = fitting.save_checkpoint, 0

    def killed(path: Path, *rest: object) -> None:
        nonlocal count
        count += path.name == "last.pt"
        if count == 2:
            os.kill(os.getpid(), signal.SIGINT)
        save(path, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "save_checkpoint", killed)
        with pytest.raises(SystemExit) as end:
            train(training)
    assert end.value.code == 130
    assert len(read_history(training.run.history)) == 2  # the second is done again
    assert f"stopped after epoch 1 of 2; continue with --resume {training.run.root}" in capsys.readouterr().err
    assert load_state(training.run.weights / "last.pt")[1]["epoch"] == 1
    resumed = resume(TRAINER, dataset, training.run.root)
    train(resumed)
    assert numbers(resumed.run) == numbers(finished.run)


def test_interrupted_before_the_first_epoch_nothing_is_left(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = start(TRAINER, dataset, tiny_options(), tmp_path / "runs", None)

    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("train_det.ultralytics_loop.UltralyticsLoop.validate", interrupted)
    with pytest.raises(SystemExit):
        train(training)
    assert not (tmp_path / "runs").exists()


def test_resuming_what_cannot_be_resumed_is_refused(
    finished: Training[DetectorOptions], dataset: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="the run is finished"):
        resume(TRAINER, dataset, finished.run.root)
    with pytest.raises(InputError, match="not a run folder"):
        resume(TRAINER, dataset, tmp_path)
    copy = Path(shutil.copytree(finished.run.root, tmp_path / "copy"))
    (copy / "metrics.json").unlink()
    (copy / "weights" / "last.pt").unlink()
    with pytest.raises(WeightsError, match="nothing to resume"):
        resume(TRAINER, dataset, copy)
    shutil.copy(finished.run.weights / "best.pt", copy / "weights" / "last.pt")
    with pytest.raises(WeightsError, match="no state to resume"):
        resume(TRAINER, dataset, copy)
    changed = msgspec.structs.replace(dataset, provenance=None)
    shutil.copy(finished.run.weights / "last.pt", copy / "weights" / "last.pt")
    with pytest.raises(InputError, match="not the dataset of the run"):
        resume(TRAINER, changed, copy)


def test_nothing_is_written_outside_the_run(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    before = files_below(dataset.root)
    fit_tiny(dataset, tmp_path / "runs", epochs=1)
    assert not files_below(here)
    assert not files_below(home)
    assert files_below(dataset.root) == before
    assert {p.name for p in tmp_path.iterdir()} == {"home", "here", "runs"}
    assert {p.name for p in (tmp_path / "runs").iterdir()} == {"det"}


def damaged_copy(dataset: Dataset, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset.root, tmp_path / "damaged"))


def test_a_train_split_without_annotation_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    root = damaged_copy(dataset, tmp_path)
    path = annotation_path(root, "train")
    coco = msgspec.json.decode(path.read_bytes())
    path.unlink()
    path.write_bytes(msgspec.json.encode({**coco, "annotations": []}))
    with pytest.raises(InputError, match="no annotation"):
        start(TRAINER, load_dataset(root), tiny_options(), tmp_path / "runs", None)
    assert not (tmp_path / "runs").exists()


def test_an_image_of_another_size_than_listed_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    root = damaged_copy(dataset, tmp_path)
    damaged = load_dataset(root)
    path = damaged.image_path(damaged.splits["train"].images[-1])
    path.unlink()
    PillowImage.new("RGB", (50, 40)).save(path)
    with pytest.raises(InputError, match="50 x 40 pixels, listed as 96 x 96"):
        start(TRAINER, damaged, tiny_options(negatives="all"), tmp_path / "runs", None)
    assert not (tmp_path / "runs").exists()


def test_grey_deep_and_transparent_images_are_trained_on(dataset: Dataset, tmp_path: Path) -> None:
    root = damaged_copy(dataset, tmp_path)
    for number, path in enumerate(sorted((root / "images").rglob("*.png"))):
        rgb = PillowImage.open(path).convert("RGB")
        grey = rgb.convert("L")
        deep = PillowImage.fromarray(np.asarray(grey).astype(np.uint16) * 257)
        other = (grey, deep, rgb.convert("RGBA"))[number % 3]
        path.unlink()
        other.save(path)
    training = fit_tiny(load_dataset(root), tmp_path / "runs", epochs=1, imgsz=64)
    assert files_below(training.run.root) == WRITTEN


@pytest.mark.parametrize("kept", [("train", "test"), ("train", "val"), ("train",)])
def test_splits_without_images_are_reported_and_survived(
    kept: tuple[str, ...], dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = damaged_copy(dataset, tmp_path)
    for split in {"val", "test"} - set(kept):
        annotation_path(root, split).unlink()
    training = fit_tiny(load_dataset(root), tmp_path / "runs", epochs=1, imgsz=64)
    assert training.run.metrics.is_file() == ("test" in kept)
    assert ("val has no annotation" in capsys.readouterr().err) == ("val" not in kept)


@pytest.mark.parametrize("weights", ["yolov8n.yaml", "yolo26n.yaml"])
def test_other_architectures_are_fine_tuned_too(weights: str, dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "given.pt"
    save_checkpoint(path, ultralytics_api.DetectionModel(weights, nc=5, verbose=False), [], 64, None)
    run = fit_tiny(dataset, tmp_path / "runs", weights=str(path), epochs=1).run
    assert files_below(run.root) == WRITTEN
    assert read_predictions(run.predictions("test"))


def test_one_image_of_one_class_is_enough(dataset: Dataset, tmp_path: Path) -> None:
    root = damaged_copy(dataset, tmp_path)
    path = annotation_path(root, "train")
    coco = read_coco(path)
    only = coco.annotations[0]
    images = [image for image in coco.images if image.id == only.image_id]
    for split in ("val", "test"):
        annotation_path(root, split).unlink()
    path.unlink()
    write_coco(path, CocoFile(images, [only], [c for c in coco.categories if c.id == only.category_id]))
    run = fit_tiny(load_dataset(root), tmp_path / "runs", epochs=1).run
    assert [row["epoch"] for row in read_history(run.history)] == [1]


def test_monitor_last_keeps_the_last_epoch(dataset: Dataset, tmp_path: Path) -> None:
    run = fit_tiny(dataset, tmp_path, monitor="last", imgsz=64).run
    best = load_weights(run.weights / "best.pt")
    assert all(torch.equal(a, b) for a, b in zip(best, load_weights(run.weights / "last.pt"), strict=True))


def load_weights(path: Path) -> list[torch.Tensor]:
    model: torch.nn.Module = torch.load(path, weights_only=False)["model"]
    return list(model.state_dict().values())


def test_too_little_memory_is_reported_instead_of_training_with_another_batch(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*_: object) -> None:
        raise RuntimeError("CUDA out of memory")

    training = start(TRAINER, dataset, tiny_options(), tmp_path / "runs", None)
    monkeypatch.setattr("train_det.ultralytics_loop.UltralyticsLoop.preprocess_batch", too_much)
    with pytest.raises(OptionError, match="--batch 8 --imgsz 64: needs more memory than the device has"):
        train(training)
    assert not (tmp_path / "runs").exists()


def test_a_loss_that_is_not_a_number_ends_the_training(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(loss: object, output: object, batch: dict[str, torch.Tensor]) -> object:
        lost = torch.full((3,), float("nan"), requires_grad=True)
        return lost, {"box_loss": lost[0].detach()}

    training = start(TRAINER, dataset, tiny_options(), tmp_path / "runs", None)
    monkeypatch.setattr("train_det.ultralytics_loop.FullPrecisionLoss.__call__", nothing)
    with pytest.raises(DefectlineError, match="epoch 1: the loss is no longer a number"):
        train(training)
    assert not (tmp_path / "runs").exists()


def test_a_bad_device_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--device nonsense"):
        start(TRAINER, dataset, tiny_options(device="nonsense"), tmp_path / "runs", None)
