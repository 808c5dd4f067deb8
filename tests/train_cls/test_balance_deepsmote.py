"""`fit --balance deepsmote`: new images made inside the run, in a fold only of what the fold trains on."""

import hashlib
from pathlib import Path

import pytest

from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import Run, load_run, read_split
from evaluate.type_of_image import type_names, types_of_images
from tests.command import only_line, run_command
from tests.odd_datasets import odd_folder
from tests.train_cls.conftest import SMALL
from training.cross_validation import folds_of
from training.epoch_recorder import EpochRecorder
from training.run_dataset import run_dataset


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "quick.yaml"
    path.write_text("balance: deepsmote\ndeepsmote:\n  codec_imgsz: 32\n  codec_width: 2\n  codec_steps: 3\n")
    return path


def fit(dataset: Path, runs: Path, *arguments: object) -> int:
    return run_command("train_cls", "fit", dataset, *SMALL, "--epochs", 1, "--runs", runs, *arguments)


def check_run(run: Run, dataset: Path) -> None:
    """Each type is as frequent as the most frequent one, and no parent is an image of the run's val or test."""
    view = run_dataset(run, load_dataset(dataset))
    made = load_dataset(run.root / "oversampled")
    assert made.provenance is not None
    records = made.provenance.oversampled
    names = type_names(category.name for category in view.categories)
    images, types = types_of_images(view.splits["train"])
    known = {image.file_name: names[k] for image, k in zip(images, types.tolist(), strict=True)}
    counts = [list(known.values()).count(name) + sum(r["type"] == name for r in records) for name in names]
    assert len(set(counts)) == 1

    def content(name: str) -> str:
        return hashlib.sha256((dataset / "images" / name).read_bytes()).hexdigest()

    split = read_split(run).images
    held_out = {content(name) for name in [*split["val"], *split["test"]]}
    assert held_out
    for one in records:
        for parent in one["parents"]:
            assert parent in split["train"]
            assert known[parent] == one["type"]
            assert content(parent) not in held_out


def test_each_fold_makes_its_own(coco_folder: Path, recipe: Path, tmp_path: Path) -> None:
    assert fit(coco_folder, tmp_path, "--recipe", recipe, "--folds", 2) == 0
    root = tmp_path / "cls" / coco_folder.name
    for fold in folds_of(load_run(root)):
        check_run(fold, coco_folder)
        assert (fold.root / "oversampled/contact_sheet.png").is_file()
    assert not (root / "oversampled").exists()


def test_a_resumed_run_trains_on_the_same_images(
    coco_folder: Path, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = EpochRecorder.epoch

    def stop(self: EpochRecorder, *arguments: object) -> bool:
        epoch(self, *arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    flags = ("--recipe", recipe, "--epochs", 2)
    assert fit(coco_folder, tmp_path / "whole", *flags) == 0
    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "epoch", stop)
        assert fit(coco_folder, tmp_path / "cut", *flags) == 130
    whole, cut = (tmp_path / name / "cls" / coco_folder.name for name in ("whole", "cut"))
    check_run(load_run(cut), coco_folder)
    before = (cut / "oversampled/dataset.json").stat().st_mtime_ns
    assert run_command("train_cls", "fit", coco_folder, "--resume", cut) == 0
    assert (cut / "oversampled/dataset.json").stat().st_mtime_ns == before
    assert (cut / "oversampled/dataset.json").read_bytes() == (whole / "oversampled/dataset.json").read_bytes()
    assert (cut / "metrics.json").read_bytes() == (whole / "metrics.json").read_bytes()


def test_a_balanced_dataset_needs_none(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    splits = ("train",) * 6 + ("val", "test")
    even = odd_folder(tmp_path / "even", ((32, 32),) * 8, good=(2, 5), splits=splits)
    train = load_dataset(even).splits["train"]
    assert sorted(types_of_images(train)[1].tolist()) == [0, 0, 1, 1, 2, 2]
    assert fit(even, tmp_path / "runs", "--recipe", recipe) == 0
    assert "deepsmote: new training images: none, no type needs any" in capsys.readouterr().err
    assert not (tmp_path / "runs/cls/even/oversampled").exists()


def test_one_image_of_a_type_is_reported_and_trained_on(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splits = ("train",) * 6 + ("val", "test")
    rare = odd_folder(tmp_path / "rare", ((32, 32),) * 8, good=(1, 3), splits=splits)
    assert fit(rare, tmp_path / "runs", "--recipe", recipe) == 0
    err = capsys.readouterr().err
    assert "scratch has 1 training image: no new one is made" in err
    assert "deepsmote: new training images: good 1" in err


def test_pasted_images_are_not_parents(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(coco_folder, tmp_path / "runs", "--balance", "deepsmote", "--paste", 2) == 2
    assert "--balance deepsmote: pasted images cannot be parents of others; leave out --paste" in only_line(capsys)
    assert not (tmp_path / "runs").exists()
