"""Datasets at the edge of what people have are trained on, or refused in one line with nothing left behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.odd_datasets import REFUSED, TRAINED, odd_folder
from tests.trainer_cases import check_refused, check_trained

TINY = ("--weights", "none", "--imgsz", 64, "--batch", 2, "--device", "cpu", "--precision", "32")


@pytest.mark.parametrize("make", TRAINED)
def test_it_is_trained_on(make: Callable[[Path], Path], tmp_path: Path) -> None:
    check_trained("train_det", make(tmp_path / "odd"), tmp_path / "runs", *TINY)


@pytest.mark.parametrize("damage", REFUSED)
def test_it_is_refused_in_one_line(
    damage: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = odd_folder(tmp_path / "odd")
    check_refused("train_det", dataset, damage(dataset), tmp_path / "runs", capsys, *TINY)
