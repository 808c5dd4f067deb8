"""How long a training is where the user leaves it open: few images make few steps in an epoch."""

from pathlib import Path

import msgspec
import pytest

from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import read_config
from train_det.options import DetectorOptions
from train_seg.options import SegmenterOptions
from training.new_run import new_folds, new_run
from training.new_seeds import new_seeds
from training.options import SharedOptions
from training.usual_epochs import decide_epochs, options_to_train, report_epochs, training_size


@pytest.mark.parametrize(
    ("options", "images", "epochs"),
    [
        (SegmenterOptions(), 75, 40),  # 19 steps each: 760
        (SegmenterOptions(), 5000, 40),
        (SegmenterOptions(), 19, 150),  # 5 steps each
        (SegmenterOptions(), 7, 375),
        (SegmenterOptions(), 1, 750),
        (SegmenterOptions(batch=8), 19, 250),
        (SegmenterOptions(epochs=3), 19, 3),
        (DetectorOptions(), 75, 60),
        (DetectorOptions(), 19, 200),  # 3 steps each
        (DetectorOptions(), 8, 600),
        (SharedOptions(), 1, 1),
    ],
)
def test_epochs(options: SharedOptions, images: int, epochs: int) -> None:
    assert decide_epochs(options, images) == msgspec.structs.replace(options, epochs=epochs)


def bottles(count: int) -> CocoFile:
    """`count` images with two defects each, and as many good ones."""
    images = [Image(i, f"{i}.png", 9, 9) for i in range(1, 2 * count + 1)]
    defects = [Annotation(i, (i + 1) // 2, 1, (0, 0, 2, 2), 4) for i in range(1, 2 * count + 1)]
    return CocoFile(images, defects, [Category(1, "dent")])


def test_crops_count_where_they_are_trained_on(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "data", {"train": bottles(10)}, None)
    names = [f"{i}.png" for i in range(1, 16)]
    assert training_size(dataset, names, SegmenterOptions()) == 15
    assert training_size(dataset, names, SegmenterOptions(tile=64)) == 30
    assert training_size(dataset, names, DetectorOptions(tile=64, tile_empty=1)) == 40


@pytest.mark.parametrize(("asked", "single", "folds"), [(0, 188, 375), (7, 7, 7)])
def test_the_configuration_of_a_run_has_the_number(
    asked: int, single: int, folds: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = Dataset(tmp_path / "data", {"train": bottles(10)}, None)
    options = SegmenterOptions(epochs=asked, negatives="0.5")
    run = new_run("seg", dataset, options, tmp_path, "one")
    assert read_config(run.root).options["epochs"] == single  # 15 images, 4 steps each
    report_epochs(run, options)
    line = "15 training images: 188 epochs instead of 40, for 750 steps\n"
    assert capsys.readouterr().err == (line if asked == 0 else "")
    whole = new_folds("seg", dataset, options, tmp_path, "two", 2, 0.0)
    for part in (whole.root, whole.root / "fold-1", whole.root / "fold-2"):
        assert read_config(part).options["epochs"] == folds  # 7 or 8 images, 2 steps each


def test_a_run_of_several_seeds_states_the_number_of_its_trainings(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "data", {"train": bottles(10)}, None)
    run = new_seeds("seg", dataset, SegmenterOptions(), tmp_path, "three", 3)
    for part in (run.root, run.root / "seed-0", run.root / "seed-2"):
        assert read_config(part).options["epochs"] == 188
    assert read_config(run.root).seeds == [0, 1, 2]


def test_the_usual_number_is_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = SegmenterOptions(batch=1, negatives="all")
    run = new_run("seg", Dataset(tmp_path / "data", {"train": bottles(10)}, None), options, tmp_path, "one")
    assert read_config(run.root).options["epochs"] == 40  # 20 images, 800 steps
    report_epochs(run, options)
    assert capsys.readouterr().err == ""


def test_the_line_does_not_count_images_where_crops_are_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = DetectorOptions(tile=64, tile_empty=0)
    run = new_run("det", Dataset(tmp_path / "data", {"train": bottles(10)}, None), options, tmp_path, "one")
    report_epochs(run, options)
    assert (
        capsys.readouterr().err == "crops of 64 pixels: 200 epochs instead of 60, for 600 steps\n"
    )  # 20 crops, 3 steps each


def test_a_configuration_that_leaves_it_open_is_decided_before_the_training(tmp_path: Path) -> None:
    dataset = Dataset(tmp_path / "data", {"train": bottles(10)}, None)
    run = new_run("seg", dataset, SegmenterOptions(), tmp_path, "one")
    config = run.config.read_text()
    run.config.write_text(config.replace("epochs: 188", "epochs: 0"))
    assert run.config.read_text() != config
    assert options_to_train(run, SegmenterOptions).epochs == 188
