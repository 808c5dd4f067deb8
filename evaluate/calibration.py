"""Calibration: whether the probability of a predicted type is the share of such predictions that are right."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 10


class CalibrationBin(msgspec.Struct, frozen=True):
    """Images whose highest probability is in one tenth: their number, mean probability and share that is right."""

    images: int
    probability: float
    right: float


def calibration_bins(probabilities: "NDArray[np.float64]", right: "NDArray[np.bool_]") -> list[CalibrationBin]:
    """The bins that have an image, in rising order. Bins are (0, 0.1], (0.1, 0.2] and so on."""
    number = np.clip(np.ceil(probabilities * BINS).astype(int) - 1, 0, BINS - 1)
    return [
        CalibrationBin(int(inside.sum()), float(probabilities[inside].mean()), float(right[inside].mean()))
        for inside in (number == k for k in range(BINS))
        if inside.any()
    ]


def calibration_error(bins: Sequence[CalibrationBin]) -> float | None:
    """Expected calibration error: mean distance of probability and share right, each image with the same weight.

    None without an image. Source: Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    images = sum(one.images for one in bins)
    return sum(one.images * abs(one.probability - one.right) for one in bins) / images if images else None
