"""Which prediction meets which annotation of an image: the greedy rule of COCOeval, with any type as a variant.

1. Leave out predictions whose score is below the score threshold.
2. Go through the rest from the highest score down; of equal scores the one that comes first goes first.
3. Each takes, among the annotations that are not taken yet and are of its type (or, for the confusion of types, of
   any type), the one with the highest IoU, if that is at least the IoU threshold; of equal IoUs the last.
4. A prediction that takes none is ignored where it is inside an ignore region of its type (iscrowd 1): where the
   part of the prediction inside it is at least the IoU threshold. Any number of predictions may be inside.
5. Predictions that took one are found, those neither found nor ignored are false; annotations that nobody took are
   missed, ignore regions never.

The viewer applies the same rule in the page; tests/evaluate/matching_cases.json holds both to it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Annotation, Box, CocoFile, Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

IOU_THRESHOLD = 0.5
ALMOST_ONE = 1 - 1e-10


class Matches(msgspec.Struct, frozen=True):
    """Positions in the lists that were matched; `pairs` are (prediction, annotation), in order of score.

    `ignored` are predictions inside an ignore region, which count neither as found nor as false.
    """

    pairs: list[tuple[int, int]]
    false: list[int]
    missed: list[int]
    ignored: list[int] = []


def box_ious(
    first: Sequence[Box], second: Sequence[Box], ignore: Sequence[bool] | None = None
) -> "NDArray[np.float64]":
    """IoU of each box of `first` with each of `second`, boxes as (x, y, w, h) in pixels: first x second.

    For a box of `second` marked in `ignore`, the part of the first box inside it instead, as in pycocotools.
    """
    a = np.asarray(first, np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, np.float64).reshape(1, -1, 4)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)
    areas = np.prod(a[..., 2:], axis=-1), np.prod(b[..., 2:], axis=-1)
    either = areas[0] + areas[1] - shared
    if ignore is not None:
        either = np.where(np.asarray(ignore, bool), areas[0], either)
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
    """Match predictions and annotations of one image; `ious` is predictions x annotations, as of box_ious."""
    at_least = min(iou_threshold, ALMOST_ONE)
    kept = [i for i, p in enumerate(predictions) if p.score >= score_threshold]
    free = [j for j, a in enumerate(annotations) if not a.iscrowd]
    regions = [j for j, a in enumerate(annotations) if a.iscrowd]
    pairs, false, ignored = [], [], []
    for i in sorted(kept, key=lambda i: -predictions[i].score):

        def meets(j: int, i: int = i) -> bool:
            same = any_type or annotations[j].category_id == predictions[i].category_id
            return same and bool(ious[i, j] >= at_least)

        rivals = [j for j in free if meets(j)]
        if rivals:
            best = max(rivals, key=lambda j, i=i: (ious[i, j], j))  # type: ignore[misc]
            free.remove(best)
            pairs.append((i, best))
        elif any(meets(j) for j in regions):
            ignored.append(i)
        else:
            false.append(i)
    return Matches(pairs, false, free, ignored)


def match_boxes(
    predictions: Sequence[Prediction],
    annotations: Sequence[Annotation],
    *,
    score_threshold: float,
    iou_threshold: float = IOU_THRESHOLD,
    any_type: bool = False,
) -> Matches:
    """Match by the IoU of boxes."""
    ignore = [bool(a.iscrowd) for a in annotations]
    ious = box_ious([p.bbox for p in predictions], [a.bbox for a in annotations], ignore)
    return match(ious, predictions, annotations,
                 score_threshold=score_threshold, iou_threshold=iou_threshold, any_type=any_type)  # fmt: skip


def without_ignored(truth: CocoFile, predictions: Sequence[Prediction]) -> list[Prediction]:
    """`predictions` without those inside an ignore region, by boxes and at the usual IoU threshold."""
    regions = {a.image_id for a in truth.annotations if a.iscrowd}
    if not regions:
        return list(predictions)
    annotations = truth.by_image()
    of_image: dict[int, list[int]] = {image_id: [] for image_id in regions}
    for number, p in enumerate(predictions):
        if p.image_id in regions:
            of_image[p.image_id].append(number)
    ignored: set[int] = set()
    for image_id, numbers in of_image.items():
        matches = match_boxes([predictions[n] for n in numbers], annotations[image_id], score_threshold=0)
        ignored |= {numbers[i] for i in matches.ignored}
    return [p for number, p in enumerate(predictions) if number not in ignored]
