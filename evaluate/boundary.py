"""Boundary F-score: how well the outlines of two masks agree within a tolerance.

Source: Csurka et al., What is a good evaluation measure for semantic segmentation?, BMVC 2013.
"""

import math
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from evaluate.values import harmonic_mean, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 0.0075
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class Boundary(msgspec.Struct, frozen=True):
    """Agreement of the outlines of defect pixels, pooled over all outline pixels of the split."""

    f: float | None
    precision: float | None
    recall: float | None


def tolerance_pixels(height: int, width: int) -> float:
    """The distance up to which two outlines agree: 0.75 % of the image diagonal, at least 1 pixel."""
    return max(1.0, TOLERANCE * math.hypot(height, width))


def boundary(mask: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """Pixels of the H x W mask that touch, by an edge, the background or the border of the image."""
    eroded = cv2.erode(mask.astype(np.uint8), CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    outline: NDArray[np.bool_] = mask & (eroded == 0)
    return outline


def boundary_counts(
    truth: "NDArray[np.bool_]",
    painted: "NDArray[np.bool_]",
    tolerance: float | None = None,
    *,
    ignored: "NDArray[np.bool_] | None" = None,
) -> tuple[int, int, int, int]:
    """Painted outline pixels near the truth, all painted, true outline pixels near the painted, all true.

    Near is a Euclidean distance of at most `tolerance` pixels, by default tolerance_pixels. Outline pixels in
    `ignored`, H x W, are not counted. Counts of several images add up to those of the split.
    """
    reach = tolerance_pixels(*truth.shape) if tolerance is None else tolerance
    window = _extent(truth | painted)
    real, drawn = boundary(truth)[window], boundary(painted)[window]
    counted = np.ones_like(real) if ignored is None else ~ignored[window]
    mine, theirs = drawn & counted, real & counted
    return _near(mine, real, reach), int(mine.sum()), _near(theirs, drawn, reach), int(theirs.sum())


def boundary_f(counts: "NDArray[np.int64]") -> Boundary:
    """Precision, recall and F of summed boundary_counts; F is None without a true outline."""
    near_truth, painted, near_painted, real = (int(v) for v in counts)
    precision, recall = ratio(near_truth, painted), ratio(near_painted, real)
    if recall is None:
        return Boundary(None, precision, None)
    return Boundary(harmonic_mean(precision or 0.0, recall), precision, recall)


def _near(outline: "NDArray[np.bool_]", other: "NDArray[np.bool_]", reach: float) -> int:
    if not outline.any() or not other.any():
        return 0
    distance = cv2.distanceTransform((~other).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return int((distance[outline] <= reach + 1e-4).sum())


def _extent(mask: "NDArray[np.bool_]") -> tuple[slice, slice]:
    """The smallest window that holds the whole mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0), slice(0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
