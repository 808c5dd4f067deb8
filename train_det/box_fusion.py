"""Boxes of several models of one image as one list, and boxes corrected by the masks of a segmenter.

Solovyev, Wang and Gabruseva 2021: Weighted boxes fusion, https://arxiv.org/abs/1910.13302.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.coco import Box, Prediction
from evaluate.matching import box_ious

SAME_IOU = 0.55  # boxes of a type that overlap by more are of one defect, as in the paper
REFINED_IOU = 0.5  # a mask whose box overlaps by at least this is of the same defect
MAX_BOXES = 100
PIXEL_DIGITS, SCORE_DIGITS = 2, 6


def fuse_boxes(of_models: Sequence[Sequence[Prediction]], limit: int = MAX_BOXES) -> list[Prediction]:
    """The boxes that several models found in one image, fused, best first, at most `limit`; masks are dropped.

    Boxes of a type that overlap are replaced by their mean, weighted by score. Its score is the mean score,
    reduced if only some of the models found the defect.
    """
    fused: list[Prediction] = []
    every = [p for found in of_models for p in found]
    for category in sorted({p.category_id for p in every}):
        own = sorted((p for p in every if p.category_id == category), key=lambda p: -p.score)
        for box, score in _clusters(own, len(of_models)):
            fused.append(Prediction(own[0].image_id, category, box, round(score, SCORE_DIGITS)))
    return sorted(fused, key=lambda p: -p.score)[:limit]


def refine_boxes(boxes: Sequence[Prediction], masks: Sequence[Prediction]) -> list[Prediction]:
    """`boxes` of one image, best first, each replaced by the box of the mask that overlaps it most.

    A box that no mask overlaps by REFINED_IOU is unchanged. Of boxes of a type that become the same, the best
    stays.
    """
    if not masks:
        return list(boxes)
    overlaps = box_ious([p.bbox for p in boxes], [m.bbox for m in masks])
    refined, seen = [], set()
    for prediction, row in zip(boxes, overlaps, strict=True):
        nearest = int(row.argmax())
        if row[nearest] >= REFINED_IOU:
            if (prediction.category_id, nearest) in seen:
                continue
            seen.add((prediction.category_id, nearest))
            refined.append(msgspec.structs.replace(prediction, bbox=masks[nearest].bbox))
        else:
            refined.append(prediction)
    return refined


def _clusters(predictions: Sequence[Prediction], models: int) -> list[tuple[Box, float]]:
    """The mean box and the score of each defect, from boxes of one type by falling score."""
    boxes = np.array([p.bbox for p in predictions])
    scores = np.array([p.score for p in predictions])
    members: list[list[int]] = []
    means: list[Box] = []
    for number, prediction in enumerate(predictions):
        overlap = box_ious([prediction.bbox], means)[0]
        if means and overlap.max() > SAME_IOU:
            chosen = int(overlap.argmax())
            members[chosen].append(number)
            means[chosen] = _mean(boxes[members[chosen]], scores[members[chosen]])
        else:
            members.append([number])
            means.append(prediction.bbox)
    return [
        (_rounded(box), float(scores[one].mean()) * min(len(one), models) / models)
        for box, one in zip(means, members, strict=True)
    ]


def _mean(boxes: NDArray[np.float64], weights: NDArray[np.float64]) -> Box:
    x, y, w, h = (weights[:, None] * boxes).sum(0) / weights.sum()
    return float(x), float(y), float(w), float(h)


def _rounded(box: Box) -> Box:
    x, y, w, h = (round(value, PIXEL_DIGITS) for value in box)
    return x, y, w, h
