"""Regions of a map of distances, with hand-made maps."""

import numpy as np
import pytest

from features.regions import DistanceLimits, enlarge, find_regions, learn_limits


def test_limits_come_from_the_given_values() -> None:
    maps = [np.full((10, 10), 1.0, np.float32) for _ in range(20)]
    for i, values in enumerate(maps):
        values[0, 0] = 2.0 + i  # the peaks are 2 to 21, their 95 % quantile 2 + 0.95 * 19
    limits = learn_limits(maps)
    assert limits.usual == 1.0
    assert limits.peak == pytest.approx(20.05)
    assert 1.0 < limits.floor < limits.peak


def test_a_region_reaches_to_half_of_its_peak() -> None:
    # a tent of height 8 above 1, falling by 1 a column: half is 5, reached 4 columns away, not included
    across = np.maximum(1.0, 9.0 - np.abs(np.arange(41) - 20))
    values = np.repeat(across[None], 41, axis=0).astype(np.float32)
    (region,) = find_regions(values, DistanceLimits(usual=1.0, floor=2.0, peak=6.0), 41, 41)
    columns = np.flatnonzero(region.pixels.any(axis=0))
    assert (columns[0], columns[-1]) == (17, 23)
    assert region.score == pytest.approx(9 / 15)
    assert find_regions(values, DistanceLimits(usual=1.0, floor=2.0, peak=9.5), 41, 41) == []


def test_two_regions_best_first_and_holes_filled() -> None:
    values = np.ones((40, 60), np.float32)
    values[5:15, 5:15] = 8.0
    values[25:35, 40:50] = 10.0
    values[29:31, 44:46] = 1.0
    found = find_regions(values, DistanceLimits(usual=1.0, floor=2.0, peak=4.0), 80, 120)
    assert [(r.pixels.shape, int(r.pixels.sum())) for r in found] == [((80, 120), 400), ((80, 120), 400)]
    assert found[0].pixels[60, 90]
    assert found[0].score > found[1].score > 0.5


def test_noise_below_the_floor_is_not_listed() -> None:
    values = np.ones((40, 60), np.float32)
    values[5:15, 5:15] = 3.0  # above the floor, below the limit
    values[30, 10] = values[30, 40] = 1.9  # as high as single pixels of good images
    limits = DistanceLimits(usual=1.0, floor=2.0, peak=4.0)
    (region,) = find_regions(values, limits, 40, 60, lowest=1.5)
    assert region.pixels[10, 10]
    assert region.pixels.sum() == 100
    values[5:15, 5:15] = 1.0
    assert find_regions(values, limits, 40, 60, lowest=1.5) == []
    (highest,) = find_regions(values, limits, 40, 60, lowest=1.5, always=True)  # ranks images of good parts
    assert highest.score == pytest.approx(1.9 / 5.9)


def test_a_peak_at_the_limit_is_listed_below_the_floor() -> None:
    values = np.ones((20, 20), np.float32)
    values[5:9, 5:9] = 3.0  # one bad image among few good ones can put the floor above the limit
    (region,) = find_regions(values, DistanceLimits(usual=1.0, floor=3.5, peak=2.5), 20, 20, lowest=1.0)
    assert region.pixels.sum() == 16


def test_enlarging_keeps_the_proportions() -> None:
    assert enlarge(np.zeros((20, 40), np.float32)).shape == (112, 225)
