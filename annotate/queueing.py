"""Choose the images to label next: those on which a model is least certain, or on which two models agree least."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from annotate.folder_images import FolderImage
from annotate.proposals import CLOSED_FLAGS
from datasets.coco import Prediction
from datasets.formats.labelme import LabelmeFile
from datasets.formats.labelme_flags import UNREVIEWED, is_unreviewed, set_flags
from evaluate.matching import box_ious
from system.files import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Queued(msgspec.Struct, frozen=True):
    """An image name and the expected value of labelling it, 0 to 1."""

    name: str
    value: float


def is_open(image: FolderImage, file: LabelmeFile | None) -> bool:
    """Whether `image` needs a person: no labelme file, or unreviewed shapes or types, and not flagged as done."""
    if file is None:
        return True
    flags = set(set_flags(file))
    if UNREVIEWED in flags:
        return True
    if CLOSED_FLAGS & flags:
        return False
    return image.labelled and any(map(is_unreviewed, file.shapes))


def uncertainty(predictions: Sequence[Prediction], threshold: float) -> float:
    """1 if a score equals the threshold, 0 if all are as far from it as possible or there is no prediction."""
    return max((_closeness(p.score, threshold) for p in predictions), default=0.0)


def disagreement(first: Sequence[Prediction], second: Sequence[Prediction]) -> float:
    """1 minus the largest total box IoU of a one-to-one match, divided by the mean number of predictions.

    Boxes of different categories do not match. 0 if neither model predicts anything.
    """
    from scipy.optimize import linear_sum_assignment

    if not first or not second:
        return float(bool(first or second))
    ious = _same_type_ious(first, second)
    rows, columns = linear_sum_assignment(ious, maximize=True)
    return 1.0 - 2.0 * float(ious[rows, columns].sum()) / (len(first) + len(second))


def rank(values: Mapping[str, float], limit: int | None) -> list[Queued]:
    """Images with the largest value first, equal ones by name; at most `limit` if given."""
    ranked = sorted((Queued(name, value) for name, value in values.items()), key=lambda q: (-q.value, q.name))
    return ranked[:limit]


def write_list(path: Path, queued: Sequence[Queued]) -> None:
    """Write one name per line, the format of `annotate open --only`."""
    write_atomic(path, "".join(f"{q.name}\n" for q in queued).encode())


def _closeness(score: float, threshold: float) -> float:
    largest = (1.0 - threshold) if score >= threshold else threshold
    return 1.0 - abs(score - threshold) / largest if largest > 0 else 1.0


def _same_type_ious(first: Sequence[Prediction], second: Sequence[Prediction]) -> "NDArray[np.float64]":
    import numpy as np

    same = np.array([p.category_id for p in first])[:, None] == np.array([p.category_id for p in second])
    ious: NDArray[np.float64] = box_ious([p.bbox for p in first], [p.bbox for p in second]) * same
    return ious
