"""Runs on a dataset whose ids restart in each split have the numbers of the same dataset with unique ids."""

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datasets.formats.coco_file import read_predictions, write_predictions
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.average_precision import BOXES, MASKS
from evaluate.confusion import INSTANCES
from evaluate.folds import measure_folds
from evaluate.images import IMAGES
from evaluate.measure import measure_run
from evaluate.metrics import Metrics
from evaluate.run_folder import Run
from evaluate.truth import run_truth
from tests.restarting_ids import restart_ids, restarted

A, B, C = (0, 0, 10, 10), (20, 0, 10, 10), (0, 25, 12, 8)


@dataclasses.dataclass
class Pair:
    """The same dataset twice: with unique ids and with ids that restart."""

    unique: Dataset
    restarting: Dataset
    bench: Any
    folder: Path

    def run(self, dataset: Dataset, **split: list[str]) -> Run:
        """A run that predicts each image of val and test rightly, but the first with a chip that is not there."""
        run: Run = self.bench.run(self.folder / "runs", "seg", dataset, {}, **split)
        return self.predict(run, dataset)

    def predict(self, run: Run, dataset: Dataset) -> Run:
        for name, truth in run_truth(run, dataset).items():
            found = self.bench.perfect(truth)
            found += [self.bench.prediction(i.id, 1, C, 0.3) for i in truth.images if i.file_name == "011.png"]
            write_predictions(run.predictions(name), found)
        return run


@pytest.fixture
def pair(bench: Any, tmp_path: Path) -> Pair:
    splits = {
        "train": bench.truth([(1, A)], [(2, B)], []),
        "val": bench.truth([(3, B)], [], first=11),
        "test": bench.truth([(2, C)], [], [(1, B), (1, A)], first=21),
    }
    unique = bench.dataset(tmp_path / "unique", splits)
    bench.dataset(tmp_path / "restarting", {name: restarted(coco) for name, coco in splits.items()})
    return Pair(unique, load_dataset(tmp_path / "restarting"), bench, tmp_path)


def _numbers(metrics: Metrics) -> Any:
    plain = msgspec.to_builtins(metrics)
    return {key: value for key, value in plain.items() if key != "protocol"}


def test_a_plain_run_is_measured_by_the_ids_of_its_own_file(pair: Pair, bench: Any) -> None:
    run = bench.run(
        pair.folder / "runs", "seg", pair.restarting, {"val": [], "test": [bench.prediction(2, 1, A, 0.9)]}
    )
    metrics = measure_run(run, pair.restarting)
    assert metrics[INSTANCES].found == 1  # image 2 of test has the chip A, image 2 of train nothing
    assert metrics[IMAGES].missed_names == ["021.png"]
    truth = run_truth(run, pair.restarting)
    assert [(i.id, i.file_name) for i in truth["test"].images] == [(0, "021.png"), (1, "022.png"), (2, "023.png")]
    assert {a.bbox for a in truth["val"].annotations} == {B}


def test_the_numbers_are_those_of_unique_ids(pair: Pair) -> None:
    first, second = (measure_run(pair.run(d), d) for d in (pair.unique, pair.restarting))
    assert _numbers(first) == _numbers(second)
    assert pytest.approx(1) == first[MASKS].AP


def test_a_run_whose_split_mixes_those_of_the_dataset(pair: Pair) -> None:
    split = {"train": [], "val": ["021.png", "002.png"], "test": ["001.png", "011.png", "023.png", "003.png"]}
    first, second = (measure_run(pair.run(d, **split), d) for d in (pair.unique, pair.restarting))
    assert _numbers(first) == _numbers(second)
    assert (second[INSTANCES].found, second[INSTANCES].missed) == (4, 0)


MIXED = (("001.png", "011.png", "023.png"), ("021.png", "003.png"), ("002.png", "012.png"))
OWN_TEST = (("021.png", "022.png", "023.png"), ("001.png", "012.png"), ("011.png", "002.png"))


@pytest.mark.parametrize("parts", [MIXED, OWN_TEST])
def test_folds_are_pooled_by_file_name(pair: Pair, parts: tuple[tuple[str, ...], ...]) -> None:
    """Also where a fold tests exactly the test images of the dataset and so keeps the ids of that file."""
    results = []
    for dataset in (pair.unique, pair.restarting):
        folds = [pair.run(dataset, train=[], val=[], test=list(names)) for names in parts]
        for fold in folds:
            measure_run(fold, dataset)
        every = [name for names in parts for name in names]
        pooled = pair.bench.run(pair.folder / "pooled", "seg", dataset, {}, train=[], val=[], test=every)
        results.append(measure_folds(pooled, folds, dataset))
        truth = run_truth(pooled, dataset)["test"]
        names = {image.id: image.file_name for image in truth.images}
        found = {(names[p.image_id], p.bbox) for p in read_predictions(pooled.predictions("test"))}
        assert found == {(names[a.image_id], a.bbox) for a in truth.annotations} | {("011.png", C)}
    assert _numbers(results[0]) == _numbers(results[1])
    assert pytest.approx(1, abs=0.2) == results[1][BOXES].AP50
    assert results[1][INSTANCES].missed == 0


def test_ids_may_restart_at_any_number(pair: Pair) -> None:
    dataset = load_dataset(restart_ids(pair.restarting.root, first=7))
    numbers = [_numbers(measure_run(pair.run(d), d)) for d in (dataset, pair.unique)]
    assert numbers[0] == numbers[1]
