"""A small finished run that several tests read."""

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


@pytest.fixture(scope="session")
def finished(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Training[DetectorOptions]:
    """A run of two epochs; read only."""
    return fit_tiny(dataset, tmp_path_factory.mktemp("runs"))
