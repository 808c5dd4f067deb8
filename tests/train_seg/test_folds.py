from pathlib import Path

import pytest

from tests.fold_cases import check_answers, check_pooled, check_resumed, fit_two_folds


@pytest.fixture(scope="module")
def crossed(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit_two_folds(
        "train_seg", coco_folder, tmp_path_factory.mktemp("runs"), "--encoder-weights", "none", "--precision", "32"
    )


def test_pooled(crossed: Path, coco_folder: Path) -> None:
    check_pooled(crossed, coco_folder)


def test_resumed(crossed: Path, coco_folder: Path, tmp_path: Path) -> None:
    check_resumed("train_seg", crossed, coco_folder, tmp_path / "copy", "best.safetensors")


def test_answers(crossed: Path, coco_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check_answers("train_seg", crossed, coco_folder, capsys)
