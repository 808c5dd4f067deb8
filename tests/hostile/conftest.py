"""A run received from someone else, and the folder that its payloads write to."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.formats.dataset_folder import load_dataset
from tests.command import run_command
from tests.train_det.conftest import fit_tiny

COMMON = ("--epochs", 1, "--imgsz", 64, "--negatives", 2)
TINY: dict[str, tuple[object, ...]] = {
    "seg": (*COMMON, "--encoder-weights", "none", "--encoder-depth", 3),
    "cls": (*COMMON, "--weights", "none"),
}


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


TinyRuns = Callable[[str], Path]


@pytest.fixture(scope="session")
def tiny_runs(coco_folder: Path, honest_run: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyRuns:
    """The finished run of one epoch of a task, trained when it is first asked for; read only."""
    made = {"det": honest_run}

    def run_of(task: str) -> Path:
        if task not in made:
            runs = tmp_path_factory.mktemp(task)
            assert run_command(f"train_{task}", "fit", coco_folder, "--runs", runs, *TINY[task]) == 0
            (made[task],) = (runs / task).iterdir()
        return made[task]

    return run_of


@pytest.fixture
def small_image(coco_folder: Path) -> Path:
    """An image of the dataset."""
    return min((coco_folder / "images").rglob("*.png"))
