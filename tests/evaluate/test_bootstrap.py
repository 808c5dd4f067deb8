import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.bootstrap import binomial_interval, draw_images, percentile_interval


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_each_resample_has_as_many_images(images: int, seed: int) -> None:
    draws = draw_images(images, seed, resamples=20)
    assert draws.shape == (20, images)
    assert (draws.sum(axis=1) == images).all()
    assert (draws == draw_images(images, seed, resamples=20)).all()


def test_resamples_differ_by_seed() -> None:
    assert (draw_images(30, 0) != draw_images(30, 1)).any()


def test_percentiles_leave_out_missing_values() -> None:
    values = np.array([math.nan, *range(101)], float)
    assert percentile_interval(values) == pytest.approx((2.5, 97.5))
    assert percentile_interval(np.array([math.nan])) is None


# no event in n trials: the upper bound is 1 - (alpha / 2) ** (1 / n); 4 of 20 from Clopper and Pearson's tables
@pytest.mark.parametrize(
    ("events", "trials", "expected"),
    [
        (0, 63, (0, 1 - 0.025 ** (1 / 63))),
        (20, 20, (0.025 ** (1 / 20), 1)),
        (4, 20, (0.0573, 0.4366)),
    ],
)
def test_exact_binomial(events: int, trials: int, expected: tuple[float, float]) -> None:
    assert binomial_interval(events, trials) == pytest.approx(expected, abs=5e-5)


def test_no_trial_has_no_rate() -> None:
    assert binomial_interval(0, 0) is None
