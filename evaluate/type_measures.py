"""Numbers computed from a confusion matrix of types, and the AUROC; both also for resampled images."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TypeMeasures(msgspec.Struct, frozen=True):
    """Means over the types: of recalls, arithmetic and geometric, and of F1; None without an image.

    Recalls are of the types that occur in the truth, F1 of those that occur in the truth or are predicted.
    """

    balanced_accuracy: float | None
    geometric_mean: float | None
    macro_f1: float | None


def confusions(
    truth: "NDArray[np.intp]", predicted: "NDArray[np.intp]", count: int, draws: "NDArray[np.int64]"
) -> "NDArray[np.int64]":
    """Confusion matrices, truth x predicted, of `count` types: resamples x count x count.

    `draws` is how often each image is drawn in each resample: resamples x images.
    """
    cell = np.zeros((len(truth), count * count), np.int64)
    cell[np.arange(len(truth)), truth * count + predicted] = 1
    return (draws @ cell).reshape(len(draws), count, count)


def type_measures(matrix: "NDArray[np.int64]") -> TypeMeasures:
    """The means over types of a confusion matrix, truth x predicted.

    As balanced_accuracy_score and f1_score(average="macro") of scikit-learn.
    """
    right, truth, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    if not truth.any():
        return TypeMeasures(None, None, None)
    recalls = right[truth > 0] / truth[truth > 0]
    known = truth + predicted > 0
    f1 = 2 * right[known] / (truth + predicted)[known]
    geometric = float(np.exp(np.mean(np.log(recalls)))) if recalls.all() else 0.0
    return TypeMeasures(float(recalls.mean()), geometric, float(f1.mean()))


def auroc(scores: "NDArray[np.float64]", positive: "NDArray[np.bool_]", draw: "NDArray[np.int64]") -> float | None:
    """Share of the pairs (positive, negative) in which the positive scores higher; ties count half.

    `draw` is how often each image counts. None without a positive or without a negative. This is the area under
    the ROC curve (Hanley and McNeil 1982).
    """
    levels, level = np.unique(scores, return_inverse=True)
    bad = np.bincount(level[positive], draw[positive], len(levels))
    good = np.bincount(level[~positive], draw[~positive], len(levels))
    if not bad.sum() or not good.sum():
        return None
    below = np.cumsum(good) - good
    return float(np.sum(bad * (below + good / 2)) / (bad.sum() * good.sum()))
