"""A small finished run that several tests look at."""

from pathlib import Path

import pytest

from datasets.formats.dataset_folder import Dataset, load_dataset
from train_det.fit import Training, finish, start, train
from train_det.options import FitOptions, fit_options

TINY = {
    "weights": "none",
    "epochs": 2,
    "imgsz": 64,
    "batch": 8,
    "device": "cpu",
    "precision": "32",
    "negatives": "4",
}


def tiny_options(**changes: object) -> FitOptions:
    return fit_options(**{**TINY, **changes})  # type: ignore[arg-type]


def fit_tiny(dataset: Dataset, runs: Path, **changes: object) -> Training:
    training = start(dataset, tiny_options(**changes), runs, None)
    train(training)
    finish(training)
    return training


@pytest.fixture(scope="session")
def dataset(coco_folder: Path) -> Dataset:
    return load_dataset(coco_folder)


@pytest.fixture(scope="session")
def finished(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A run of two epochs; read only."""
    return fit_tiny(dataset, tmp_path_factory.mktemp("runs"))
