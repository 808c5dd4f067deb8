from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import label
from torchmetrics.functional.classification import binary_average_precision

from evaluate import score_maps
from evaluate.score_maps import histograms, score_map_measures


def pixel_average_precision(maps: Iterable[Any]) -> Any:
    return score_maps.pixel_average_precision(histograms(maps))


def aupro(maps: Iterable[Any], limit: float = 0.3) -> Any:
    return score_maps.aupro(histograms(maps), limit)


# scores of a 4 x 6 image with a large component 1 and a small component 2
SCORES = np.array(
    [
        [0.9, 0.8, 0.1, 0.0, 0.0, 0.3],
        [0.7, 0.2, 0.4, 0.0, 0.6, 0.0],
        [0.1, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.5, 0.0, 0.0, 0.0, 0.0],
    ]
)
COMPONENTS = np.array(
    [
        [1, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 2, 0],
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]
)


def test_hand_worked_pixel_ap() -> None:
    # by falling score: + + + + (0.9 0.8 0.7 0.6) then - (0.5) - (0.4) - (0.3) + (0.2)
    assert pixel_average_precision([(SCORES, COMPONENTS)]) == pytest.approx((1 + 1 + 1 + 1 + 5 / 8) / 5)


def test_hand_worked_aupro() -> None:
    # overlap before the first of 19 good pixels: (3/4 + 1) / 2; after three of them, the 0.2 completes it;
    # 3/19 to 0.3 is at 1
    expected = (0.875 * 3 / 19 + 1 * (0.3 - 3 / 19)) / 0.3
    assert aupro([(SCORES, COMPONENTS)]) == pytest.approx(expected)


def test_the_curve_is_cut_within_a_step() -> None:
    # one threshold takes all: a straight line from (0, 0) to (1, 1)
    assert aupro([(np.full((4, 6), 0.5), COMPONENTS)]) == pytest.approx(0.15)
    # at rate 0.25 (5 of 20 good pixels tied) half of the one component, then a straight line to (1, 1)
    scores = np.zeros((4, 6))
    truth = np.zeros((4, 6), int)
    truth[0, :4] = 1
    scores[0, :2] = scores[1, :5] = 0.5
    at_limit = 0.5 + 0.5 * (0.05 / 0.75)
    expected = (0.25 * 0.5 / 2 + 0.05 * (0.5 + at_limit) / 2) / 0.3
    assert aupro([(scores, truth)]) == pytest.approx(expected)


def test_a_step_exactly_at_the_limit_does_not_count() -> None:
    scores = np.array([[0.9, 0.9, 0.9, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0]])
    truth = np.array([[0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]])
    assert aupro([(scores, truth)]) == pytest.approx(0)


def test_small_components_weigh_as_much_as_large_ones() -> None:
    truth = np.zeros((20, 20), int)
    truth[:10, :10] = 1
    truth[19, 19] = 2
    only_large, only_small = (truth == 1) * 0.9, (truth == 2) * 0.9
    assert aupro([(only_large, truth)]) == pytest.approx(aupro([(only_small, truth)]))


def test_perfect_and_inverted_maps() -> None:
    truth = (COMPONENTS > 0).astype(float)
    assert pixel_average_precision([(truth, COMPONENTS)]) == 1
    assert aupro([(truth, COMPONENTS)]) == pytest.approx(1)
    assert aupro([(1 - truth, COMPONENTS)]) == pytest.approx(0)


def test_images_are_pooled_and_negatives_add_false_positives() -> None:
    alarm = (np.full((4, 6), 1.0), np.zeros((4, 6), int))
    assert pixel_average_precision([(SCORES, COMPONENTS), alarm]) < 0.3
    assert aupro([(SCORES, COMPONENTS), alarm]) == pytest.approx(0)


def test_null_without_a_defect() -> None:
    negative = [(SCORES, np.zeros((4, 6), int))]
    assert pixel_average_precision(negative) is None
    assert aupro(negative) is None
    assert aupro([(SCORES, np.ones((4, 6), int))]) is None
    assert aupro([]) is None


def test_component_numbers_may_have_gaps() -> None:
    assert aupro([(SCORES, COMPONENTS * 7)]) == pytest.approx(aupro([(SCORES, COMPONENTS)]))


@pytest.mark.parametrize("levels", [10, 2**15])
def test_pixel_ap_equals_torchmetrics(levels: int) -> None:
    rng = np.random.default_rng(levels)
    truth = rng.random((3, 30, 30)) < 0.2
    scores = np.clip(np.rint(rng.normal(0.4 + 0.2 * truth, 0.15) * levels) / levels, 0, 1)
    theirs = binary_average_precision(torch.tensor(scores), torch.tensor(truth, dtype=torch.long))
    ours = pixel_average_precision(zip(scores, truth.astype(int), strict=True))
    assert ours == pytest.approx(float(theirs), abs=1e-5)


def test_scores_from_a_model_by_image(bench: Any) -> None:
    truth = bench.truth([(1, (0, 0, 10, 10))], [], [(2, (0, 0, 10, 10)), (3, (5, 5, 2, 2))])
    perfect = {1: (0, 10), 2: (0, 0), 3: (0, 10)}
    asked = []

    def score_map(image: Any) -> np.ndarray:
        asked.append(image.id)
        scores = np.zeros((40, 40), np.float32)
        low, high = perfect[image.id]
        scores[low:high, low:high] = 0.8
        return scores

    measured = score_map_measures(truth, score_map)
    assert (measured.pixel_ap, measured.aupro_30) == pytest.approx((1, 1))
    assert asked == [1, 2, 3]  # a score map may cost an inference


def test_pixel_ap_equals_scikit_learn() -> None:
    rng = np.random.default_rng(42)
    truth = rng.random((2, 25, 25)) < 0.15
    scores = np.clip(np.rint(rng.normal(0.4 + 0.2 * truth, 0.15) * 1000) / 1000, 0, 1)
    assert truth.sum() == 201
    # average_precision_score(truth.ravel(), scores.ravel()) of scikit-learn 1.9.1
    assert pixel_average_precision(zip(scores, truth.astype(int), strict=True)) == pytest.approx(0.480775381368506)


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_aupro_equals_the_curve_taken_threshold_by_threshold(limit: float) -> None:
    rng = np.random.default_rng(7)
    drawn = rng.random((3, 24, 24))
    truth = np.stack([label(d > 0.85)[0] for d in drawn])
    scores = np.rint(np.clip(rng.normal(0.3 + 0.3 * (truth > 0), 0.2), 0, 1) * 50) / 50
    regions = [truth_map == k for truth_map in truth for k in range(1, truth_map.max() + 1)]
    of = [s for s, truth_map in zip(scores, truth, strict=True) for _ in range(truth_map.max())]
    rates, overlaps = [0.0], [0.0]
    for threshold in sorted(set(scores.ravel()), reverse=True):
        rates.append(float((scores[truth == 0] >= threshold).mean()))
        overlaps.append(float(np.mean([(s[r] >= threshold).mean() for s, r in zip(of, regions, strict=True)])))
    fine = np.linspace(0, limit, 200_001)
    area = np.trapezoid(np.interp(fine, rates, overlaps), fine) / limit
    assert len(regions) > 50
    assert aupro(zip(scores, truth, strict=True), limit) == pytest.approx(area, abs=1e-5)
