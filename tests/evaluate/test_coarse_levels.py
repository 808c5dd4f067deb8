from typing import Any

import numpy as np
import pytest

from evaluate.bootstrap import draw_images
from evaluate.coarse_levels import EQUAL, FIRST, LEVELS, CoarseHistograms, Histograms
from evaluate.score_maps import _intervals, aupro, histograms, pixel_average_precision

SPREADS: dict[str, Any] = {
    "wide": lambda values: 1 / (1 + np.exp(-values)),
    "nearly 0 or 1": lambda values: 1 / (1 + np.exp(-4 * values)),
    "within one 1024th": lambda values: 0.5 + 0.00004 * np.clip(values, -10, 10),
    "nearly 0": lambda values: np.exp(values - 12),
}


def drawn(images: int, spread: Any) -> list[Histograms]:
    rng = np.random.default_rng(images)
    made = []
    for _ in range(images):
        truth = np.zeros((24, 24), int)
        if rng.random() < 0.6:
            truth[4:12, 5 : rng.integers(7, 15)] = 1
        made.append(histograms([(SPREADS[spread](rng.normal(-2 + 3 * (truth > 0), 1.5)), truth)]))
    return made


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("images", [8, FIRST + 20])
def test_intervals_are_those_of_all_levels(spread: str, images: int) -> None:
    made = drawn(images, spread)
    coarse = CoarseHistograms()
    for one in made:
        coarse.add(one)
    draws = draw_images(images, seed=0, resamples=50)
    ours, exact = _intervals(coarse.images(), draws), _intervals(made, draws)
    for key in ("pixel_ap", "pixel_auroc", "pixel_f1_max", "aupro_30", "aupro_05"):
        assert ours[key] == pytest.approx(exact[key], abs=0.003), key


@pytest.mark.parametrize("images", [1, FIRST - 1, FIRST, FIRST + 1])
def test_no_pixel_is_lost_and_levels_are_few(images: int) -> None:
    made = drawn(images, "wide")
    coarse = CoarseHistograms()
    for one in made:
        coarse.add(one)
    kept = coarse.images()
    assert len(kept) == images
    for one, few in zip(made, kept, strict=True):
        assert len(few.defect) == len(kept[0].defect) <= 4 * EQUAL < LEVELS
        assert (few.defect.sum(), few.good.sum()) == (one.defect.sum(), one.good.sum())
        assert few.overlap.sum() == pytest.approx(one.overlap.sum())
        assert few.components == one.components


def test_measures_of_few_levels_are_close_where_one_image_scores_elsewhere() -> None:
    # the 33rd image and those after it are outside the scores that chose the levels
    made = drawn(FIRST, "within one 1024th") + drawn(FIRST, "wide")
    coarse = CoarseHistograms()
    for one in made:
        coarse.add(one)
    few = sum(coarse.images()[1:], coarse.images()[0])
    whole = sum(made[1:], made[0])
    assert pixel_average_precision(few) == pytest.approx(pixel_average_precision(whole), abs=0.01)
    assert aupro(few) == pytest.approx(aupro(whole), abs=0.01)


def test_nothing_without_an_image() -> None:
    assert CoarseHistograms().images() == []
