"""Training on a dataset whose ids restart in each split: a run sees each image with its own annotations."""

from pathlib import Path

import pytest

from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.formats.members import annotations_by_name
from tests.fold_cases import make_folds
from tests.odd_datasets import odd_folder
from tests.restarting_ids import restart_ids
from training.cross_validation import folds_of
from training.predict import number_images
from training.run_dataset import run_dataset

Places = dict[str, list[tuple[float, int]]]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    sizes = [(40 + 4 * n, 60 + 2 * n) for n in range(12)]
    splits = ["train"] * 6 + ["val"] * 3 + ["test"] * 3
    return load_dataset(restart_ids(odd_folder(tmp_path / "odd", sizes, good=(2, 5, 7, 10), splits=splits)))


def _places(dataset: Dataset) -> Places:
    found = annotations_by_name(dataset)
    return {name: [(a.area, a.category_id) for a in mine] for name, mine in found.items()}


@pytest.mark.parametrize("paste", [0, 3])
def test_folds_train_on_the_annotations_of_their_images(dataset: Dataset, tmp_path: Path, paste: int) -> None:
    real = _places(dataset)
    root = make_folds(dataset, tmp_path / "runs", folds=3, val=0.3, negatives="all", paste=paste)
    for fold in folds_of(root):
        view = run_dataset(fold, dataset)
        mine = _places(view)
        assert {name: mine[name] for name in real} == real
        assert len(mine) == len(real) + paste
        for coco in view.splits.values():
            assert len({image.id for image in coco.images}) == len(coco.images)
            assert len({a.id for a in coco.annotations}) == len(coco.annotations)
            sizes = {image.id: (image.width, image.height) for image in coco.images}
            for a in coco.annotations:
                assert a.segmentation.size == sizes[a.image_id][::-1]  # type: ignore[union-attr]


def test_new_predictions_of_two_splits_are_counted_from_one(dataset: Dataset) -> None:
    paths = {name: dataset.root / "images" / name for name in annotations_by_name(dataset)}
    assert number_images([paths["6.png"], paths["8.png"]], dataset) == [0, 2]  # of val only: its own ids
    assert number_images([paths["0.png"], paths["6.png"], paths["9.png"]], dataset) == [1, 2, 3]
