"""Rankings against scikit-learn, with ties, and their place in the measures of images and score maps."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from evaluate.bootstrap import draw_images
from evaluate.images import image_measures
from evaluate.one_type import as_one_type, defect_category, types_by_image
from evaluate.ranking import ranking
from evaluate.score_maps import histograms, pixel_auroc, pixel_f1_max, score_map_measures

BOX = (0, 0, 10, 10)


def highest_f1(truth: np.ndarray, scores: np.ndarray) -> float:
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12)))


@pytest.mark.parametrize("levels", [3, 20, 10**6])
def test_equal_to_scikit_learn(levels: int) -> None:
    random = np.random.default_rng(levels)
    truth = random.random(200) < 0.3
    scores = np.rint(random.normal(truth * 0.7, 1) * levels) / levels
    found = ranking(scores, truth)
    assert found.auroc == pytest.approx(roc_auc_score(truth, scores))
    assert found.average_precision == pytest.approx(average_precision_score(truth, scores))
    assert found.f1_max == pytest.approx(highest_f1(truth, scores))


def test_items_that_count_several_times_are_repeated_items() -> None:
    random = np.random.default_rng(3)
    truth, scores, times = random.random(50) < 0.4, random.random(50), random.integers(0, 4, 50)
    found = ranking(scores, truth, times)
    again = ranking(np.repeat(scores, times), np.repeat(truth, times))
    assert (found.auroc, found.average_precision) == pytest.approx((again.auroc, again.average_precision))


def test_without_defective_or_without_good() -> None:
    scores = np.array([0.1, 0.5])
    assert ranking(scores, np.array([False, False])).f1_max is None
    only = ranking(scores, np.array([True, True]))
    assert (only.auroc, only.average_precision) == (None, 1.0)


def test_the_measures_of_images_have_them_with_intervals_and_types(bench: Any) -> None:
    truth = bench.truth([(1, BOX)], [(2, BOX)], [(1, BOX)], [], [])
    predictions = [bench.prediction(image, 1, BOX, s) for image, s in ((1, 0.9), (2, 0.4), (4, 0.5), (5, 0.1))]
    counted = [p for p in predictions if p.score >= 0.5]
    found = image_measures(truth, predictions, counted, 0.5, types=types_by_image(truth), draws=draw_images(5, 0))
    assert found.auroc == pytest.approx(roc_auc_score([1, 1, 1, 0, 0], [0.9, 0.4, 0, 0.5, 0.1]))
    low, high = found.intervals["auroc"]
    assert low < found.auroc < high
    assert {name: (of.images, of.missed) for name, of in found.per_type.items()} == {
        truth.names()[1]: (2, 1),
        truth.names()[2]: (1, 1),
    }


def test_pixels_equal_scikit_learn() -> None:
    random = np.random.default_rng(8)
    truth = random.random((2, 30, 30)) < 0.2
    scores = np.clip(np.rint(random.normal(0.4 + 0.2 * truth, 0.15) * 1000) / 1000, 0, 1)
    counted = histograms(zip(scores, truth.astype(int), strict=True))
    assert pixel_auroc(counted) == pytest.approx(roc_auc_score(truth.ravel(), scores.ravel()))
    assert pixel_f1_max(counted) == pytest.approx(highest_f1(truth.ravel(), scores.ravel()))


def test_score_maps_have_intervals_around_their_values(bench: Any) -> None:
    truth = bench.truth(*[[(1, BOX)]] * 6, [], [])
    random = np.random.default_rng(4)

    def score_map(image: Any) -> np.ndarray:
        scores = random.random((40, 40)).astype(np.float32) * 0.5
        if image.id <= 6:
            scores[:10, :10] += 0.3
        return scores

    found = score_map_measures(truth, score_map, draw_images(8, 0))
    for key in ("pixel_ap", "aupro_30", "pixel_auroc", "pixel_f1_max", "aupro_05"):
        low, high = found.intervals[key]
        assert low - 0.02 <= getattr(found, key) <= high + 0.02
        assert low < high


def test_all_types_become_one(bench: Any) -> None:
    truth = bench.truth([(1, BOX)], [(2, BOX), (1, BOX)], [])
    one = as_one_type(truth)
    (category,) = one.categories
    assert category.name == "defect"
    assert category.id not in truth.names()
    assert {a.category_id for a in one.annotations} == {category.id}
    assert defect_category(one.categories) == category
    assert types_by_image(truth) == {1: "chip", 2: "chip + crack"}
