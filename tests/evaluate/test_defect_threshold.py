"""The threshold where no image is good: it follows the defects, not the images."""

from typing import Any

import pytest

from evaluate.defect_threshold import ADDED
from evaluate.measure import choose_point, describe
from evaluate.operating import parse_rule

A, B, FAR = (0, 0, 10, 10), (20, 0, 10, 10), (0, 20, 9, 9)
MAX_F1 = parse_rule("max-f1")


def chosen(bench: Any, predictions: list[Any], *images: Any, **options: Any) -> Any:
    truth = bench.truth(*images, types=["chip", "crack"])
    return choose_point(MAX_F1, [(truth, [bench.prediction(*p) for p in predictions])], **options)


def test_false_predictions_count_although_no_image_is_good(bench: Any) -> None:
    """Three defects. From 0.6 up two are found and nothing is false: F1 = 4 / (2 + 3) = 0.8. From 0.02 up three
    are found and four are false: 6 / (7 + 3) = 0.6. By images alone 0.02 would be the best: it misses none.
    """
    false = [(1, 1, FAR, 0.5), (1, 1, FAR, 0.4), (2, 2, FAR, 0.3), (3, 1, FAR, 0.2)]
    predictions = [(1, 1, A, 0.9), (2, 2, B, 0.6), (3, 1, A, 0.02), *false]
    point = chosen(bench, predictions, [(1, A)], [(2, B)], [(1, A)])
    assert point.score_threshold == pytest.approx(0.55)  # the middle of 0.5 and 0.6
    assert point.rule == f"max-f1{ADDED}"
    assert "0.55 by max-f1 of defects, as no image is good on val" in describe(point)


def test_one_good_image_is_enough_for_the_rule_of_images(bench: Any) -> None:
    predictions = [(1, 1, A, 0.9), (1, 1, FAR, 0.5), (2, 1, A, 0.02)]
    point = chosen(bench, predictions, [(1, A)], [(1, A)], [])
    assert (point.rule, point.score_threshold) == ("max-f1", 0.01)


def test_a_type_that_is_wrong_is_false_and_an_ignored_region_is_neither(bench: Any) -> None:
    wrong = chosen(bench, [(1, 2, A, 0.9), (2, 2, B, 0.8)], [(1, A)], [(2, B)])
    assert wrong.score_threshold == pytest.approx(0.4)  # 0.9 and 0.8: F1 0.5; above 0.8 none is right


def test_where_nothing_is_found_the_default_holds(bench: Any) -> None:
    for predictions in ([], [(1, 1, FAR, 0.9)]):
        point = chosen(bench, predictions, [(1, A)], default=0.3)
        assert (point.score_threshold, point.chosen_on) == (0.3, "default")
    assert "could decide max-f1 of defects" in describe(point)


def test_a_classifier_of_images_is_not_judged_by_boxes(bench: Any) -> None:
    point = chosen(bench, [(1, 1, FAR, 0.9)], [(1, A)], boxes=False)
    assert (point.rule, point.chosen_on) == ("max-f1", "val")
