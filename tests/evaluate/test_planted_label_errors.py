"""How many planted label errors the list finds, with predictions drawn like those of good and of poor models."""

from typing import Any

import numpy as np
import pytest

from benchmarks.plant_label_errors import KINDS, found, is_planted, plant
from datasets.coco import CocoFile, Prediction
from evaluate.label_errors import suspects_of
from evaluate.label_suspects import Suspect, agreed
from evaluate.run_folder import TASKS

IMAGES = 240


def clean_truth(bench: Any, seed: int) -> CocoFile:
    """Two of three images have a defect of 8 to 14 pixels, of three types."""
    random = np.random.default_rng(seed)
    contents: list[list[tuple[int, tuple[int, ...]]]] = []
    for number in range(IMAGES):
        w, h = (int(v) for v in random.integers(8, 15, 2))
        x, y = (int(v) for v in random.integers(0, 40 - max(w, h), 2))
        contents.append([] if number % 3 == 0 else [(1 + number % 2 + number % 5 % 2, (x, y, w, h))])
    truth: CocoFile = bench.truth(*contents)
    return truth


def predictions_of(bench: Any, truth: CocoFile, seed: int, errors: float) -> list[Prediction]:
    """A model that is wrong in a share `errors` of the defects, as often in type, place and by missing them.

    It also predicts something on as many other images, with lower scores, and its boxes are off by a pixel.
    """
    random = np.random.default_rng([seed, 7])
    predictions = []
    for a in truth.annotations:
        kind = random.random() / errors if errors else 9.0
        x, y, w, h = (int(v) for v in a.bbox)
        category, score = a.category_id, float(random.uniform(0.6, 0.95))
        if kind < 1 / 3:
            category, score = 1 + category % 3, score - 0.2
        elif kind < 2 / 3:
            x, score = max(0, x - 5), score - 0.2
        elif kind < 1:
            continue
        box = (max(0, x + int(random.integers(-1, 2))), max(0, y + int(random.integers(-1, 2))), w, h)
        predictions.append(bench.prediction(a.image_id, category, box, score))
    more = random.permutation([image.id for image in truth.images])[: round(errors * IMAGES)].tolist()
    scores = random.uniform(0.05, 0.5, len(more)).tolist()
    invented = zip(more, scores, strict=True)
    return [*predictions, *(bench.prediction(image, 1, (28, 28, 9, 9), score) for image, score in invented)]


def measured(bench: Any, errors: float, seeds: int = 1) -> tuple[float, float]:
    """Recall and precision of the whole list for a tenth of planted errors, over four draws."""
    right = listed = recalled = planted_total = 0
    for draw in range(4):
        clean = clean_truth(bench, draw)
        wrong, planted = plant(clean, 0.1, np.random.default_rng(draw))
        assert {p.kind for p in planted} == set(KINDS)
        runs: list[list[Suspect]] = [
            suspects_of(wrong, predictions_of(bench, clean, 100 * draw + seed, errors), TASKS["seg"])
            for seed in range(seeds)
        ]
        suspects = agreed(runs)
        right += sum(is_planted(s, planted) for s in suspects)
        listed += len(suspects)
        recalled += sum(found(p, suspects) for p in planted)
        planted_total += len(planted)
    return recalled / planted_total, right / listed


def test_a_model_without_errors_finds_nearly_all_and_nothing_else(bench: Any) -> None:
    recall, precision = measured(bench, 0.0)
    assert recall >= 0.9
    assert precision >= 0.9


def test_several_seeds_make_the_list_of_a_poor_model_more_precise(bench: Any) -> None:
    """With 15 % of the defects wrong, half of the list of one seed are errors of the model.

    Three seeds with errors at random leave 0.85 cubed, 61 %, of the planted ones, and hardly another.
    """
    recall, precision = measured(bench, 0.15)
    assert recall >= 0.85
    assert 0.3 <= precision <= 0.6
    recall_of_three, precision_of_three = measured(bench, 0.15, seeds=3)
    assert precision_of_three >= 0.9
    assert 0.5 <= recall_of_three <= 0.75


def test_planting_changes_a_tenth_and_the_rest_stays(bench: Any) -> None:
    clean = clean_truth(bench, 1)
    wrong, planted = plant(clean, 0.1, np.random.default_rng(1))
    assert len(planted) == round(0.1 * len(clean.annotations))
    same = {a.id: a for a in clean.annotations}
    changed = [a for a in wrong.annotations if same.get(a.id) != a]
    removed = set(same) - {a.id for a in wrong.annotations}
    assert len(changed) + len(removed) == len(planted)
    assert len(removed) == sum(p.kind == "removed" for p in planted)
    for a in changed:
        assert a.bbox[0] >= 0
        assert a.bbox[0] + a.bbox[2] <= 40


@pytest.mark.parametrize("errors", [0.0, 0.15])
def test_without_planted_errors_little_is_listed_at_the_top(bench: Any, errors: float) -> None:
    truth = clean_truth(bench, 5)
    suspects = suspects_of(truth, predictions_of(bench, truth, 5, errors), TASKS["seg"])
    assert len(suspects) <= errors * IMAGES
