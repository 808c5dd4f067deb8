from pathlib import Path

import msgspec
import pytest

from tests.command import run_command
from tests.fold_cases import check_answers, check_pooled, check_resumed, fit_two_folds


@pytest.fixture(scope="module")
def crossed(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    return fit_two_folds("train_cls", coco_folder, runs, "--weights", "none", "--precision", "32", "--imgsz", 32)


def test_pooled(crossed: Path, coco_folder: Path) -> None:
    check_pooled(crossed, coco_folder, "type accuracy")


def test_the_accuracy_of_all_images_is_pooled(crossed: Path) -> None:
    pooled = msgspec.json.decode((crossed / "metrics.json").read_bytes())
    folds = [msgspec.json.decode((crossed / f"fold-{k}/metrics.json").read_bytes()) for k in (1, 2)]
    right = sum(fold["image_types"]["right"] for fold in folds)
    assert pooled["image_types"]["images"] == 40
    assert pooled["accuracy"] == right / 40
    assert pooled["folds"]["values"]["type accuracy"] == [fold["accuracy"] for fold in folds]


def test_resumed(crossed: Path, coco_folder: Path, tmp_path: Path) -> None:
    check_resumed("train_cls", crossed, coco_folder, tmp_path / "copy", "best.safetensors")


def test_answers(crossed: Path, coco_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_answers("train_cls", crossed, coco_folder, capsys)


def test_an_unknown_network_is_refused_before_folders_are_made(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--folds", 2, "--weights", "none", "--arch", "resnet19", "--runs", tmp_path / "runs")
    assert run_command("train_cls", "fit", coco_folder, *flags) == 2
    assert "--arch resnet19: neither torchvision nor timm" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
