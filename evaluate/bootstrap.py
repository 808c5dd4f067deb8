"""Intervals: bootstrap over images for any measure made of sums, exact binomial for counts."""

from typing import TYPE_CHECKING

import numpy as np

from evaluate.values import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 200
LEVEL = 0.95


def draw_images(images: int, seed: int, resamples: int = RESAMPLES) -> "NDArray[np.int64]":
    """How often each image is drawn in each resample: resamples x images, every row sums to `images`.

    Images are drawn with replacement and not instances, because instances of one image are not independent.
    """
    return np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=resamples)


def percentile_interval(values: "NDArray[np.float64]", level: float = LEVEL) -> Interval | None:
    """Middle `level` of the resampled values; nan, where the measure does not exist, is left out."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high))


def binomial_interval(events: int, trials: int, level: float = LEVEL) -> Interval | None:
    """Exact interval of the rate behind `events` of `trials` (Clopper and Pearson 1934); None without a trial."""
    if trials == 0:
        return None
    from scipy.stats import binomtest

    interval = binomtest(events, trials).proportion_ci(level, method="exact")
    return (float(interval.low), float(interval.high))
