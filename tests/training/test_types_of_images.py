"""Types corrected by a classifier, against values by hand."""

import pytest

from datasets.coco import Box, Category, Prediction
from training.types_of_images import LEAST, TEMPER, UNSEEN, retype, type_probabilities, weigh

TYPES = [Category(1, "scratch"), Category(2, "hole"), Category(3, "stain")]
HERE: Box = (0, 0, 100, 100)


def found(category: int, score: float, box: Box = HERE) -> Prediction:
    return Prediction(7, category, box, score)


def test_probabilities_are_those_of_a_defect() -> None:
    """Good has 0.5 of the image: the types divide the other half."""
    answer = [found(1, 0.3), found(2, 0.2), found(3, 0.001)]
    probabilities = type_probabilities(answer, TYPES)
    assert probabilities == {1: pytest.approx(0.3 / 0.501), 2: pytest.approx(0.2 / 0.501), 3: LEAST}
    assert type_probabilities([], TYPES) == dict.fromkeys((1, 2, 3), 1 / 3)


def test_evidence_is_tempered() -> None:
    """A share of 1/16 of the best counts half, and none less than UNSEEN."""
    assert (TEMPER, UNSEEN) == (0.25, 0.05)
    likely = weigh({1: 8.0, 2: 0.5}, {1: 0.2, 2: 0.5, 3: 0.3})
    assert likely == {1: 0.2, 2: pytest.approx(0.25), 3: pytest.approx(0.3 * 0.05**0.25)}
    assert weigh({}, {1: 0.7, 2: 0.3}) == weigh({1: 0.0, 2: 0.0}, {1: 0.7, 2: 0.3})


def test_the_classifier_decides_between_two_types_of_one_place() -> None:
    """0.1 < 0.88 * (0.5 / 0.6) ** 0.25: the second type gets the best score, the first in proportion."""
    low = (4.0, 0.0, 100.0, 100.0)
    boxes = [found(1, 0.6), found(2, 0.5, low)]
    retyped = retype(boxes, {1: 0.1, 2: 0.88, 3: 0.02})
    assert [(p.category_id, p.bbox) for p in retyped] == [(2, low), (1, HERE), (3, HERE)]
    second = 0.88 * (0.5 / 0.6) ** 0.25
    third = 0.02 * 0.05**0.25
    assert [p.score for p in retyped] == [
        0.6,
        pytest.approx(0.6 * 0.1 / second, abs=1e-5),
        pytest.approx(0.6 * third / second, abs=1e-5),
    ]


def test_a_type_without_a_box_wins_if_it_is_more_than_twice_as_likely() -> None:
    alone = retype([found(1, 0.8)], {1: 0.3, 2: 0.68, 3: 0.02})
    assert (alone[0].category_id, alone[0].bbox, alone[0].score) == (2, HERE, 0.8)
    kept = retype([found(1, 0.8)], {1: 0.33, 2: 0.65, 3: 0.02})
    assert (kept[0].category_id, kept[0].score) == (1, 0.8)


def test_each_place_keeps_its_best_score_and_places_are_apart() -> None:
    """Two defects of different types in one image: the classifier's other type does not change a certain one."""
    away = (500.0, 0.0, 50.0, 50.0)
    boxes = [found(1, 0.9), found(2, 0.02), found(2, 0.7, away), found(1, 0.1, away)]
    retyped = retype(boxes, {1: 0.96, 2: 0.02, 3: 0.02})
    best = {p.bbox: p for p in reversed(retyped)}
    assert (best[HERE].category_id, best[HERE].score) == (1, 0.9)
    assert best[away].score == 0.7
    assert max(p.score for p in retyped) == max(p.score for p in boxes)
    assert retype([], {1: 1.0}) == []
