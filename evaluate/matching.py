"""Which prediction meets which annotation of an image: the greedy rule of COCOeval, with any type as a variant.

1. Leave out predictions whose score is below the score threshold.
2. Go through the rest from the highest score down; of equal scores the one that comes first goes first.
3. Each takes, among the annotations that are not taken yet and are of its type (or, for the confusion of types, of
   any type), the one with the highest IoU, if that is at least the IoU threshold; of equal IoUs the last.
4. Predictions that took one are found, the others false; annotations that nobody took are missed.

The viewer applies the same rule in the page; tests/evaluate/matching_cases.json holds both to it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Annotation, Box, Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

IOU_THRESHOLD = 0.5
ALMOST_ONE = 1 - 1e-10


class Matches(msgspec.Struct, frozen=True):
    """Positions in the lists that were matched; `pairs` are (prediction, annotation), in order of score."""

    pairs: list[tuple[int, int]]
    false: list[int]
    missed: list[int]


def box_ious(first: Sequence[Box], second: Sequence[Box]) -> "NDArray[np.float64]":
    """IoU of each box of `first` with each of `second`, boxes as (x, y, w, h) in pixels."""
    a = np.asarray(first, np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, np.float64).reshape(1, -1, 4)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)
    either = np.prod(a[..., 2:], axis=-1) + np.prod(b[..., 2:], axis=-1) - shared
    ious: NDArray[np.float64] = np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)
    return ious


def match(
    ious: "NDArray[np.float64]",
    predictions: Sequence[Prediction],
    annotations: Sequence[Annotation],
    *,
    score_threshold: float,
    iou_threshold: float = IOU_THRESHOLD,
    any_type: bool = False,
) -> Matches:
    """Match predictions and annotations of one image; `ious` is predictions x annotations."""
    at_least = min(iou_threshold, ALMOST_ONE)
    kept = [i for i, p in enumerate(predictions) if p.score >= score_threshold]
    free = list(range(len(annotations)))
    pairs, false = [], []
    for i in sorted(kept, key=lambda i: -predictions[i].score):
        rivals = [
            j for j in free
            if ious[i, j] >= at_least and (any_type or annotations[j].category_id == predictions[i].category_id)
        ]  # fmt: skip
        if rivals:
            best = max(rivals, key=lambda j: (ious[i, j], j))
            free.remove(best)
            pairs.append((i, best))
        else:
            false.append(i)
    return Matches(pairs, false, free)


def match_boxes(
    predictions: Sequence[Prediction],
    annotations: Sequence[Annotation],
    *,
    score_threshold: float,
    iou_threshold: float = IOU_THRESHOLD,
    any_type: bool = False,
) -> Matches:
    """Match by the IoU of boxes."""
    ious = box_ious([p.bbox for p in predictions], [a.bbox for a in annotations])
    return match(ious, predictions, annotations,
                 score_threshold=score_threshold, iou_threshold=iou_threshold, any_type=any_type)  # fmt: skip
