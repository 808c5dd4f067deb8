"""Trainings on COCO that other tools wrote: nothing is learnt from ignore regions, corrections are reported."""

from pathlib import Path

import pytest

from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError
from tests.fold_cases import Chosen
from tests.foreign_coco import annotation, coco_json, draw, image
from training.new_run import new_run


def folder(root: Path, **changes: object) -> Path:
    draw(root / "images/train/a.png")
    coco_json(root / "annotations/instances_train.json", [image(1, "a.png")], [annotation(1, 1, **changes)])
    return root


def test_a_dataset_of_ignore_regions_only_is_not_trained(tmp_path: Path) -> None:
    dataset = load_dataset(folder(tmp_path / "d", iscrowd=1))
    with pytest.raises(InputError, match=r"ignore region .* coco2coco --crowd instance"):
        new_run("det", dataset, Chosen(), tmp_path / "runs", None)
    assert not (tmp_path / "runs/det/d").exists()


def test_corrections_are_reported_and_the_image_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = load_dataset(folder(tmp_path / "d", bbox=[10, 8, 30, 20], area=3072))
    (only,) = dataset.splits["train"].annotations
    assert (only.bbox, only.area) == ((10, 8, 20, 12), 240)
    assert dataset.image_path(dataset.images("train")[0]) == tmp_path / "d/images/train/a.png"
    new_run("det", dataset, Chosen(), tmp_path / "runs", None)
    assert "corrected while reading: area-recomputed 1, box-from-mask 1; datasets check" in capsys.readouterr().err
