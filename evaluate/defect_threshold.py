"""The score threshold where every image is defective: by the defects that are found, not by the images.

Without a good image no score is a false alarm, so the rule `max-f1` of images would let everything count that any
image needs to be found. The F1 of defects also counts predictions that meet no annotation.
"""

from collections.abc import Sequence

import numpy as np

from datasets.coco import CocoFile, Prediction
from evaluate.matching import match_boxes
from evaluate.operating import Rule, threshold_between
from evaluate.values import OperatingPoint

ADDED = " of defects, as no image is good"  # to the rule, where it is shown
Seen = Sequence[tuple[CocoFile, Sequence[Prediction]]]


def choose_by_defects(rule: Rule, seen: Seen, default: float) -> OperatingPoint:
    """The threshold with the highest F1 of defects.

    A prediction is right if it meets an annotation of its type by boxes with an IoU of 0.5. Of equally good
    thresholds the highest is taken; it is `default` where no prediction meets an annotation.
    """
    right: list[float] = []
    wrong: list[float] = []
    annotations = 0
    for truth, predictions in seen:
        of_image = truth.by_image()
        found: dict[int, list[Prediction]] = {image_id: [] for image_id in of_image}
        for p in predictions:
            found[p.image_id].append(p)
        for image_id, own in of_image.items():
            annotations += sum(not a.iscrowd for a in own)
            # a lower threshold changes no match of a higher score, so one matching gives all thresholds
            matches = match_boxes(found[image_id], own, score_threshold=0)
            right += [found[image_id][i].score for i, _ in matches.pairs]
            wrong += [found[image_id][i].score for i in matches.false]
    text = rule.text + ADDED
    levels = sorted({score for score in right + wrong if score > 0})
    if not right or not levels:
        return OperatingPoint(text, default, "default")
    kept_right, kept_wrong = (len(s) - np.searchsorted(np.sort(s), levels) for s in (right, wrong))
    f1 = 2 * kept_right / (kept_right + kept_wrong + annotations)
    best = int(np.flatnonzero(f1 == f1.max())[-1])
    return OperatingPoint(text, threshold_between(levels, best), "val")
