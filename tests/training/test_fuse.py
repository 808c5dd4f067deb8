"""`fuse`, with the toy trainer, whose fused predictor lists what every member predicts."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from datasets.coco import Image
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.metrics import read_metrics
from evaluate.run_folder import is_fused, load_run, read_config, read_split
from tests.command import only_line, run_command
from tests.odd_datasets import odd_folder
from tests.training.fusing_toy import FUSING
from tests.training.fusing_toy import run_fusing_toy as run_toy
from tests.training.test_seeds import trained  # noqa: F401  a fixture
from training.cross_validation import folds_of
from training.fused_predictor import FusedPredictor, load_predictor
from training.fused_run import FusedMember
from training.trainer import PredictOptions


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_folder(tmp_path_factory.mktemp("data") / "odd")


@pytest.fixture(scope="module")
def runs(data: Path, trained: list[str]) -> Path:  # noqa: F811
    """Runs a and b on the splits of the dataset; folds-0 and folds-1, of different folds; read only."""
    runs = data.parent / "runs"
    for name, more in (("a", ()), ("b", ("--scale", 0.5)), ("folds-0", ("--folds", 3)),
                       ("folds-1", ("--folds", 3, "--seed", 1))):  # fmt: skip
        assert run_toy("fit", data, "--runs", runs, "--name", name, "--device", "cpu", *more) == 0
    return runs / "toy"


def fuse(runs: Path, out: Path, *names: str, **options: object) -> int:
    flags = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
    return run_toy("fuse", *(runs / name for name in names), "--runs", out, *flags, "--device", "cpu")


def test_two_runs_become_one(runs: Path, data: Path, tmp_path: Path) -> None:
    assert fuse(runs, tmp_path, "a", "b") == 0
    run = load_run(tmp_path / "toy" / "odd-fused")
    assert is_fused(run)
    assert not is_fused(load_run(runs / "a"))
    assert read_split(run).images["test"] == read_split(load_run(runs / "a")).images["test"]
    for split in ("val", "test"):
        single = [p for name in "ab" for p in read_predictions(load_run(runs / name).predictions(split))]
        assert sorted(map(str, read_predictions(run.predictions(split)))) == sorted(map(str, single))
    assert read_metrics(run.metrics).boxes.AP50 is not None
    assert run_command("evaluate", "compare", runs / "a", run.root, "--resamples", 100) == 0
    before = run.metrics.read_bytes()
    assert run_toy("evaluate", run.root, "--device", "cpu") == 0
    assert run.metrics.read_bytes() == before
    image = next((data / "images").rglob("*.png"))
    assert run_toy("predict", run.root, image, "--out", tmp_path / "found.json", "--device", "cpu") == 0
    assert len(read_predictions(tmp_path / "found.json")) == 4


def test_the_folder_of_runs_can_be_moved(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "old" / "toy")
    assert fuse(tmp_path / "old" / "toy", tmp_path / "old", "a", "b", name="both") == 0
    shutil.move(tmp_path / "old", tmp_path / "new")
    assert run_toy("evaluate", tmp_path / "new" / "toy" / "both", "--device", "cpu") == 0


def test_no_image_is_predicted_by_a_training_that_saw_it(runs: Path, data: Path, tmp_path: Path) -> None:
    """The folds of both seeds differ, so an image has a fold of its own in each."""
    tests = [[set(read_split(f).images["test"]) for f in folds_of(load_run(runs / f"folds-{k}"))] for k in (0, 1)]
    assert tests[0] != tests[1]
    assert fuse(runs, tmp_path, "folds-0", "folds-1", name="both") == 0
    run = load_run(tmp_path / "toy" / "both")
    assert read_config(run.root).folds == 3
    assert [set(read_split(f).images["test"]) for f in folds_of(run)] == tests[0]
    metrics = read_metrics(run.metrics)
    assert metrics.folds is not None
    for k in (0, 1):
        member = FusedMember(load_run(runs / f"folds-{k}"))
        for image in read_split(run).images["test"]:
            training = member.training_for(image)
            assert image in read_split(training).images["test"]
            assert image not in read_split(training).images["train"]
    pooled = [str(p) for k in (0, 1) for p in read_predictions(runs / f"folds-{k}" / "predictions/test.json")]
    assert sorted(map(str, read_predictions(run.predictions("test")))) == sorted(pooled)


def test_new_images_need_a_fold_that_saw_none_of_the_tested_ones(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuse(runs, tmp_path, "folds-0", "folds-1", name="differ") == 0
    image = next((data / "images").rglob("*.png"))
    capsys.readouterr()
    assert run_toy("predict", tmp_path / "toy" / "differ" / "fold-1", image, "--device", "cpu") == 2
    assert "has no fold that was trained without the test images of" in only_line(capsys)
    assert fuse(runs, tmp_path, "folds-0", "folds-0", name="same") == 0
    assert run_toy("predict", tmp_path / "toy" / "same" / "fold-1", image, "--device", "cpu") == 0


def test_a_run_that_trained_on_a_tested_image_is_refused(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuse(runs, tmp_path, "folds-0", "a") == 2
    assert "is in val or test here; fuse runs with the same splits" in only_line(capsys)
    assert not (tmp_path / "toy").exists()


def test_a_cross_validation_can_refine_a_run(runs: Path, tmp_path: Path) -> None:
    """Its fold that tests an image predicts it."""
    assert fuse(runs, tmp_path, "a", "b", refine_by=runs / "folds-0", name="refined") == 0
    run = load_run(tmp_path / "toy" / "refined")
    predictor = load_predictor(FUSING, run, torch.device("cpu"), PredictOptions())
    assert isinstance(predictor, FusedPredictor)
    name = read_split(run).images["test"][0]
    combined = predictor.for_image(Image(1, name, 64, 64))
    assert combined is predictor.for_image(Image(9, name, 64, 64))
    assert len(next(iter(combined.predict([(1, np.zeros((64, 64, 3), np.uint8))])))) == 4


def test_types_are_corrected_only_by_types_of_images(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuse(runs, tmp_path, "a", types_by=runs / "b", name="typed") == 2
    assert "has no types of images; name a run of train_cls" in only_line(capsys)
    assert not (tmp_path / "toy").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a",), "a single run; name at least two, or a run of several seeds"),
        (("fused", "a"), "is itself made of several runs; name these instead"),
    ],
)
def test_what_cannot_be_fused(
    names: tuple[str, ...], message: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs, tmp_path / "toy")
    assert fuse(tmp_path / "toy", tmp_path, "a", "b", name="fused") == 0
    capsys.readouterr()
    assert fuse(tmp_path / "toy", tmp_path, *names, name="more") == 2
    assert message in only_line(capsys)
    assert not (tmp_path / "toy" / "more").exists()


def test_a_fused_run_is_not_trained_or_exported(
    runs: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fuse(runs, tmp_path, "a", "b", name="both") == 0
    capsys.readouterr()
    both = tmp_path / "toy" / "both"
    assert run_toy("fit", data, "--resume", both) == 2
    assert "made of other runs, so there is nothing to train; fuse them again" in only_line(capsys)
    assert run_toy("export", both) == 2
    assert "made of several runs, without weights of its own; export each run" in only_line(capsys)
    shutil.rmtree(tmp_path / "toy" / "both" / "weights")
    assert run_command("evaluate", "list", tmp_path) == 0


def test_a_member_that_is_gone_is_named(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(runs, tmp_path / "toy")
    assert fuse(tmp_path / "toy", tmp_path, "a", "b", name="both") == 0
    shutil.rmtree(tmp_path / "toy" / "b")
    capsys.readouterr()
    assert run_toy("evaluate", tmp_path / "toy" / "both") == 2
    assert "toy/b, which does not exist; move it back, or fuse the runs again" in only_line(capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fuse": []}, "not the options of a fused run (Expected `array` of length >= 1"),
        ({"fuse": ["."]}, "which is itself made of several runs; fuse the runs again"),
        ({"fuse": ["../a"], "refine_by": "."}, "which is itself made of several runs; fuse the runs again"),
        ({"fuse": ["../a"], "types_by": "../b"}, "toy/b: has no types of images; fuse the runs again"),
    ],
)
def test_a_received_run_that_names_others_is_refused(
    options: dict[str, object], message: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would use itself without end, or average predictions of different kinds."""
    shutil.copytree(runs, tmp_path / "toy")
    assert fuse(tmp_path / "toy", tmp_path, "a", "b", name="both") == 0
    config = tmp_path / "toy" / "both" / "config.yaml"
    raw = msgspec.yaml.decode(config.read_bytes())
    config.write_bytes(msgspec.yaml.encode({**raw, "options": options}))
    capsys.readouterr()
    assert run_toy("evaluate", config.parent) == 2
    assert message in only_line(capsys)


def test_runs_of_another_dataset_are_refused(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs / "a", tmp_path / "other")
    split = tmp_path / "other" / "split.json"
    split.write_text(split.read_text().replace('"odd"', '"even"'))
    assert load_dataset(Path(read_config(runs / "a").dataset)).provenance is None
    assert run_toy("fuse", runs / "a", tmp_path / "other", "--runs", tmp_path / "out") == 2
    assert "made on another dataset" in only_line(capsys)
