"""Datasets at the edge of what people have are trained on, or refused in one line with nothing left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.coco import Annotation, Image
from tests.odd_datasets import DENT, REFUSED, TRAINED, odd_folder
from tests.small_coco import write_folder
from tests.trainer_cases import check_refused, check_trained

TINY = (
    "--encoder-weights", "none", "--encoder-depth", 3, "--imgsz", 32, "--batch", 2,
    "--device", "cpu", "--precision", "32",
)  # fmt: skip


@pytest.mark.parametrize("make", TRAINED)
def test_it_is_trained_on(make: Callable[[Path], Path], tmp_path: Path) -> None:
    check_trained("train_seg", make(tmp_path / "odd"), tmp_path / "runs", *TINY)


@pytest.mark.parametrize("damage", REFUSED)
def test_it_is_refused_in_one_line(
    damage: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = odd_folder(tmp_path / "odd")
    check_refused("train_seg", dataset, damage(dataset), tmp_path / "runs", capsys, *TINY)


def test_boxes_without_masks_are_refused_with_the_trainer_that_takes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Annotation(1, 1, 1, (3, 4, 12, 12), 144, [])
    write_folder(tmp_path / "odd", {"train": [Image(1, "0.png", 64, 64)]}, [box], [DENT])
    reported = "0.png: annotation 1 has a box and no segmentation"
    check_refused("train_seg", tmp_path / "odd", reported, tmp_path / "runs", capsys, *TINY)
