"""A run received from someone else, and the folder that its payloads write to."""

import shutil
from pathlib import Path

import pytest

from datasets.formats.dataset_folder import load_dataset
from tests.train_det.conftest import fit_tiny


@pytest.fixture(scope="session")
def honest_run(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of one epoch; read only."""
    training = fit_tiny(load_dataset(coco_folder), tmp_path_factory.mktemp("honest"), epochs=1)
    return training.run.root


@pytest.fixture
def received(honest_run: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may replace files in."""
    return Path(shutil.copytree(honest_run, tmp_path / "received"))


@pytest.fixture
def images(coco_folder: Path, tmp_path: Path) -> Path:
    """A folder with two images of the dataset."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, path in enumerate(sorted((coco_folder / "images").rglob("*.png"))[:2]):
        shutil.copyfile(path, folder / f"{number}.png")
    return folder
