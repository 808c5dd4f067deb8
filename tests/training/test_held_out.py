"""What an export loses is counted by the run's own measures and operating point, from fixed predictions."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.coco import CocoFile, Prediction
from datasets.formats.dataset_folder import load_dataset
from training.held_out import HeldOut
from training.new_run import new_run
from training.options import SharedOptions

Answers = Callable[[CocoFile, int], list[Prediction]]


class Options(SharedOptions, frozen=True, kw_only=True):
    """Shared options, and whether a classifier gives an image several types."""

    several: str = "one"


class Fixed:
    """A model that predicts what `answers` gives for the truth and an image id."""

    default_score = 0.5

    def __init__(self, truth: CocoFile, answers: Answers) -> None:
        self.truth, self.answers, self.categories = truth, answers, truth.categories

    def predict(self, images: Iterable[tuple[int, NDArray[np.uint8]]]) -> Iterator[list[Prediction]]:
        """Without a look at the pixels."""
        return (self.answers(self.truth, image_id) for image_id, _ in images)


def measured(task: str, coco_folder: Path, runs: Path, answers: Answers, **options: str) -> dict[str, float]:
    """The numbers of a run of `task`, whose types have thresholds of their own, with these predictions."""
    dataset = load_dataset(coco_folder)
    run = new_run(task, dataset, Options(**options), runs, None)  # type: ignore[arg-type]
    names = [category.name for category in dataset.categories]
    point = {"score_threshold": 0.5, "types": {names[0]: 0.9, names[1]: 0.1}}
    run.metrics.write_text(json.dumps({"operating_point": point}))
    held_out = HeldOut(run, dataset)
    return held_out.numbers(Fixed(held_out.truth, answers), "here")  # type: ignore[arg-type]


def box_of_type(image: int, category: int, score: float) -> Prediction:
    return Prediction(image_id=image, category_id=category, bbox=(0, 0, 9, 9), score=score)


@pytest.mark.parametrize("several", ["one", "multi"])
def test_accuracy_of_a_classifier_is_measured(coco_folder: Path, tmp_path: Path, several: str) -> None:
    """Right types give 1; with every defect taken for the next type, only the good images are right."""

    def answers(shift: int) -> Answers:
        def of_image(truth: CocoFile, image: int) -> list[Prediction]:
            ids = list(truth.names())
            types = {a.category_id for a in truth.by_image()[image] if not a.iscrowd}
            return [box_of_type(image, ids[(ids.index(t) + shift) % len(ids)], 0.97) for t in sorted(types)]

        return of_image

    right, wrong = (
        measured("cls", coco_folder, tmp_path / str(shift), answers(shift), several=several) for shift in (0, 1)
    )
    assert right["accuracy"] == 1
    assert wrong["accuracy"] < 1
    assert (wrong["missed"], wrong["false alarms"]) == (0, 0)


@pytest.mark.parametrize(("score", "counts"), [(0.2, {1: 0, 2: 1}), (0.7, {1: 0, 2: 1}), (0.95, {1: 1, 2: 1})])
def test_each_type_counts_from_its_own_threshold(
    coco_folder: Path, tmp_path: Path, score: float, counts: dict[int, int]
) -> None:
    """One box of one type in every image: all or none of the good ones raise a false alarm."""
    for number, category in enumerate(sorted(c.id for c in load_dataset(coco_folder).categories)[:2], 1):

        def of_image(truth: CocoFile, image: int, category: int = category) -> list[Prediction]:
            return [box_of_type(image, category, score)]

        numbers = measured("det", coco_folder, tmp_path / str(number), of_image)
        assert (numbers["false alarms"] > 0) == bool(counts[number])
        assert (numbers["missed"] == 0) == bool(counts[number])
