"""The page of a dataset whose ids restart in each split, and a plain run beside a fold with other ids."""

from pathlib import Path

import pytest

from datasets.coco import Prediction, Rle
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.formats.members import annotations_by_name
from evaluate.run_folder import Run, RunConfig
from evaluate.truth import run_truth
from tests.odd_datasets import odd_folder
from tests.restarting_ids import restart_ids
from training.new_run import create_run, run_split
from view.scene import Scene, dataset_scene, run_scene


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    sizes = [(40 + 4 * n, 60 + 2 * n) for n in range(9)]
    splits = ["train"] * 3 + ["val"] * 3 + ["test"] * 3
    return load_dataset(restart_ids(odd_folder(tmp_path / "odd", sizes, good=(0, 4, 8), splits=splits)))


def _perfect_run(root: Path, dataset: Dataset, **images: list[str]) -> Run:
    config = RunConfig("seg", str(dataset.root), {})
    run = create_run(root, "seg", "odd", config, run_split(dataset, {"train": [], "val": [], **images}))
    truth = run_truth(run, dataset)["test"]
    predictions = []
    for a in truth.annotations:
        assert isinstance(a.segmentation, Rle)
        predictions.append(Prediction(a.image_id, a.category_id, a.bbox, 0.9, a.segmentation))
    write_predictions(run.predictions("test"), predictions)
    return run


def _truths(scene: Scene) -> dict[str, list[tuple[int, object]]]:
    return {p.image.file_name: [(a.category_id, a.segmentation) for a in p.truths] for p in scene.images}


def test_a_dataset_shows_each_image_with_its_annotations(dataset: Dataset) -> None:
    real = {n: [(a.category_id, a.segmentation) for a in mine] for n, mine in annotations_by_name(dataset).items()}
    assert _truths(dataset_scene(dataset.root, "all")) == real


def test_two_runs_with_other_numbers_are_compared_by_file_name(dataset: Dataset, tmp_path: Path) -> None:
    plain = _perfect_run(tmp_path, dataset, test=["6.png", "7.png", "8.png"])
    fold = _perfect_run(tmp_path, dataset, test=["1.png", "7.png", "4.png", "8.png"])
    scene = run_scene([plain.root, fold.root], "test")
    assert [p.image.file_name for p in scene.images] == ["7.png", "8.png"]
    for shown in scene.images:
        for predictions in shown.predictions:
            assert [(p.category_id, p.segmentation) for p in predictions] == _truths(scene)[shown.image.file_name]
    assert len(scene.images[0].truths) == 1
