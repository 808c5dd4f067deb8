"""One small run that the tests of this room share."""

from pathlib import Path

import pytest

from tests.command import run_command

SMALL = ("--weights", "none", "--imgsz", "32", "--precision", "32", "--device", "cpu")


@pytest.fixture(scope="session")
def cls_run(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two epochs on the synthetic bottles; read only, copy it to change it."""
    runs = tmp_path_factory.mktemp("cls") / "runs"
    assert run_command("train_cls", "fit", coco_folder, *SMALL, "--epochs", 2, "--runs", runs) == 0
    return runs / "cls" / coco_folder.name
