"""Datasets at the edge of what people have are trained on, or refused in one line with nothing left behind."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.coco import Annotation, Image, read_predictions
from datasets.folder import load_dataset
from datasets.runs import read_history
from tests.command import run_command
from tests.odd_datasets import DENT, REFUSED, TRAINED, odd_folder
from tests.small_coco import write_folder

TINY = (
    "--encoder-weights", "none", "--encoder-depth", 3, "--imgsz", 32, "--batch", 2, "--epochs", 1,
    "--device", "cpu", "--precision", "32",
)  # fmt: skip


@pytest.mark.parametrize("make", TRAINED)
def test_it_is_trained_on(make: Callable[[Path], Path], tmp_path: Path) -> None:
    dataset = make(tmp_path / "odd")
    assert run_command("train_seg", "fit", dataset, *TINY, "--runs", tmp_path / "runs") == 0
    run = tmp_path / "runs" / "seg" / "odd"
    (row,) = read_history(run / "history.csv")
    assert math.isfinite(row["train_loss"])
    splits = load_dataset(dataset).splits
    assert (run / "metrics.json").is_file() == ("test" in splits)
    for split in splits.keys() & {"val", "test"}:
        sizes = {image.id: (image.width, image.height) for image in splits[split].images}
        for found in read_predictions(run / "predictions" / f"{split}.json"):
            width, height = sizes[found.image_id]
            x, y, w, h = found.bbox
            assert 0 <= x < x + w <= width + 0.01
            assert 0 <= y < y + h <= height + 0.01


@pytest.mark.parametrize("spoil", REFUSED)
def test_it_is_refused_in_one_line(
    spoil: Callable[[Path], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = odd_folder(tmp_path / "odd")
    told = spoil(dataset)
    assert run_command("train_seg", "fit", dataset, *TINY, "--runs", tmp_path / "runs") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("train_seg: ")
    assert told in last
    assert not (tmp_path / "runs").exists()


def test_boxes_without_masks_are_refused_with_the_trainer_that_takes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Annotation(1, 1, 1, (3, 4, 12, 12), 144, [])
    write_folder(tmp_path / "odd", {"train": [Image(1, "0.png", 64, 64)]}, [box], [DENT])
    assert run_command("train_seg", "fit", tmp_path / "odd", *TINY, "--runs", tmp_path / "runs") == 2
    assert "0.png: annotation 1 has a box and no segmentation" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()
