"""What to label next: the pictures about which a model is least sure, or two models agree least."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from annotate.pictures import Picture
from annotate.proposals import CLOSED_FLAGS
from datasets.coco import Prediction
from datasets.formats.labelme import LabelmeFile
from datasets.formats.labelme_flags import is_unreviewed, set_flags
from system.files import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Queued(msgspec.Struct, frozen=True):
    """A picture and how much there is to learn from it, 0 to 1."""

    name: str
    value: float


def is_open(picture: Picture, file: LabelmeFile | None) -> bool:
    """Whether somebody still has to look: no labelme file yet, or a shape unreviewed, and not flagged as done."""
    if file is None:
        return True
    if CLOSED_FLAGS & set(set_flags(file)):
        return False
    return picture.labelled and any(map(is_unreviewed, file.shapes))


def uncertainty(predictions: Sequence[Prediction], threshold: float) -> float:
    """1 where a score is just at the threshold, 0 where all are as far from it as can be, or there are none."""
    return max((_closeness(p.score, threshold) for p in predictions), default=0.0)


def disagreement(first: Sequence[Prediction], second: Sequence[Prediction]) -> float:
    """1 minus the summed IoU of two models' boxes, matched one to one at its largest, over their mean number.

    Boxes of different categories do not match. 0 where neither model finds anything.
    """
    from scipy.optimize import linear_sum_assignment

    if not first or not second:
        return float(bool(first or second))
    ious = _box_ious(first, second)
    rows, columns = linear_sum_assignment(ious, maximize=True)
    return 1.0 - 2.0 * float(ious[rows, columns].sum()) / (len(first) + len(second))


def rank(values: Mapping[str, float], most: int | None) -> list[Queued]:
    """Pictures with the largest value first, of equal ones by name."""
    ranked = sorted((Queued(name, value) for name, value in values.items()), key=lambda q: (-q.value, q.name))
    return ranked[:most]


def write_list(path: Path, queued: Sequence[Queued]) -> None:
    """Write the names one a line, as `annotate open --only` reads them."""
    write_atomic(path, "".join(f"{q.name}\n" for q in queued).encode())


def _closeness(score: float, threshold: float) -> float:
    room = (1.0 - threshold) if score >= threshold else threshold
    return 1.0 - abs(score - threshold) / room if room > 0 else 1.0


def _box_ious(first: Sequence[Prediction], second: Sequence[Prediction]) -> "NDArray[np.float64]":
    import numpy as np
    from pycocotools import mask as coco_mask

    a, b = (np.array([p.bbox for p in side], np.float64) for side in (first, second))
    same = np.array([p.category_id for p in first])[:, None] == np.array([p.category_id for p in second])
    ious: NDArray[np.float64] = coco_mask.iou(a, b, [0] * len(b)) * same
    return ious
