"""How well scores rank defective above good: AUROC, average precision and the best F1, over all thresholds."""

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from evaluate.type_measures import auroc

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Ranking(msgspec.Struct, frozen=True):
    """Measures over all thresholds; None without a defective item, AUROC also without a good one.

    `f1_max` is the F1 at the threshold that is best on these very items: a bound, not a result.
    """

    auroc: float | None
    average_precision: float | None
    f1_max: float | None


def ranking(
    scores: "NDArray[np.float64]", defective: "NDArray[np.bool_]", draw: "NDArray[np.int64] | None" = None
) -> Ranking:
    """The measures of N scores; `draw` is how often each item counts, by default once.

    As roc_auc_score, average_precision_score and the maximum over precision_recall_curve of scikit-learn.
    """
    counted = np.ones(len(scores), np.int64) if draw is None else draw
    levels, level = np.unique(scores, return_inverse=True)
    bad = np.bincount(level[defective], counted[defective], len(levels)).astype(float)
    good = np.bincount(level[~defective], counted[~defective], len(levels)).astype(float)
    return Ranking(auroc(scores, defective, counted), *precision_measures(bad, good))


def precision_measures(
    bad: "NDArray[np.floating]", good: "NDArray[np.floating]"
) -> tuple[float | None, float | None]:
    """Average precision and the highest F1 by the number of defective and good items at each rising score level.

    Average precision is the sum over thresholds of (gain in recall) x precision, without interpolation. None
    without a defective item.
    """
    total = bad.sum()
    if not total:
        return None, None
    hits, alarms = np.cumsum(bad[::-1]), np.cumsum(good[::-1])
    reached = hits + alarms
    precision = np.divide(hits, reached, out=np.zeros(len(hits)), where=reached > 0)
    return float(np.sum(bad[::-1] * precision) / total), float(np.max(2 * hits / (reached + total)))
