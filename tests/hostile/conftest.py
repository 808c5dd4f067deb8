"""A run received from someone else, and the folder that its payloads write to."""

import shutil
from pathlib import Path

import pytest


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
