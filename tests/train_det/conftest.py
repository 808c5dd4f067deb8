"""A small finished run that several tests read."""

import shutil
from pathlib import Path

import pytest

from datasets.formats.dataset_folder import Dataset, load_dataset
from train_det.cli import TRAINER
from train_det.options import DetectorOptions
from training.fit import Training, finish, start, train
from training.options import options_from_flags

TINY = {
    "weights": "none",
    "epochs": 2,
    "imgsz": 64,
    "batch": 8,
    "device": "cpu",
    "precision": "32",
    "negatives": "4",
}


def tiny_options(**changes: object) -> DetectorOptions:
    return options_from_flags(DetectorOptions, {}, {**TINY, **changes})


def fit_tiny(dataset: Dataset, runs: Path, **changes: object) -> Training[DetectorOptions]:
    training = start(TRAINER, dataset, tiny_options(**changes), runs, None)
    train(training)
    finish(training)
    return training


@pytest.fixture(scope="session")
def dataset(coco_folder: Path) -> Dataset:
    return load_dataset(coco_folder)


@pytest.fixture(scope="module")
def with_map(good_parts: Path, good_parts_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with `--good-map` of two epochs, whose run of train_anomaly was deleted after it."""
    runs = tmp_path_factory.mktemp("with-map")
    source = Path(shutil.copytree(good_parts_run, runs / "source"))
    changes = {"good_map": str(source), "negatives": "all", "imgsz": 96}
    run = fit_tiny(load_dataset(good_parts), runs, **changes).run
    shutil.rmtree(source)
    return run.root


@pytest.fixture(scope="session")
def finished(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Training[DetectorOptions]:
    """A run of two epochs; read only."""
    return fit_tiny(dataset, tmp_path_factory.mktemp("runs"))
