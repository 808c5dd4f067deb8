"""What AP50 loses to each kind of error: the decomposition TIDE.

Source: Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020. Equal to the
reference implementation `tidecv`, except for three rules. Two are those of COCO: a prediction inside an ignore
region is not an error, and the mean is over the types that are annotated. The third: if every annotation of a type
is missed and nothing is predicted as it, its AP after the fix is 1, where tidecv leaves it out of the mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Annotation, CocoFile, Image, Prediction
from datasets.masks.rle import rle_ious, to_rle
from evaluate.coco_eval import IouType
from evaluate.matching import IOU_THRESHOLD, box_ious, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

BACKGROUND_IOU = 0.1
MAX_PREDICTIONS = 100  # per image and type, as in COCO
RECALLS = np.linspace(0, 1, 101)


class ErrorKind(StrEnum):
    """The six kinds; every false prediction is of one, and so is every annotation that none of them would find."""

    wrong_type = "wrong type"
    badly_placed = "badly placed"
    both = "wrong type and badly placed"
    duplicate = "duplicate"
    background = "background"
    missed = "missed"


class ErrorShare(msgspec.Struct, frozen=True):
    """How many errors of a kind there are, and by how much AP50 would be higher if each were right."""

    count: int
    gain: float


class Decomposition(msgspec.Struct, frozen=True):
    """AP at IoU 0.5, None without an annotation, and the errors by the names of ErrorKind."""

    AP50: float | None
    errors: dict[str, ErrorShare]


@dataclass(slots=True)
class _Outcome:
    """A prediction: its type and score, whether it is right, and what it becomes if its error is fixed.

    `target` is the annotation (image, position) that it would find; several may have the same.
    """

    type_id: int
    score: float
    right: bool
    kind: ErrorKind | None = None
    target: tuple[int, int] | None = None
    fixed_type: int = 0


@dataclass(slots=True)
class _Outcomes:
    predictions: list[_Outcome] = field(default_factory=list)
    annotations: dict[int, int] = field(default_factory=dict)
    missed: dict[int, int] = field(default_factory=dict)


def decompose(truth: CocoFile, predictions: Sequence[Prediction], iou_type: IouType) -> Decomposition:
    """The errors of predictions of any score, by the IoU of boxes (bbox) or of instance masks (segm)."""
    outcomes = _Outcomes()
    for image, of_image, annotations in _by_image(truth, predictions):
        _judge(outcomes, image, of_image, annotations, iou_type)
    base = _mean_precision(outcomes, None)
    counts = {kind: sum(o.kind is kind for o in outcomes.predictions) for kind in ErrorKind}
    counts[ErrorKind.missed] = sum(outcomes.missed.values())
    gains = {kind: max(0.0, (_mean_precision(outcomes, kind) or 0.0) - (base or 0.0)) for kind in ErrorKind}
    return Decomposition(base, {kind.name: ErrorShare(counts[kind], gains[kind]) for kind in ErrorKind})


def _by_image(
    truth: CocoFile, predictions: Sequence[Prediction]
) -> Iterator[tuple[Image, list[Prediction], list[Annotation]]]:
    """Each image with its annotations and its predictions, the highest score first, at most 100 per type."""
    of_image: dict[int, list[Prediction]] = {image.id: [] for image in truth.images}
    counts: dict[tuple[int, int], int] = {}
    for p in sorted(predictions, key=lambda p: -p.score):
        key = (p.image_id, p.category_id)
        counts[key] = counts.get(key, 0) + 1
        if counts[key] <= MAX_PREDICTIONS:
            of_image[p.image_id].append(p)
    annotations = truth.by_image()
    for image in truth.images:
        yield image, of_image[image.id], annotations[image.id]


def _judge(
    outcomes: _Outcomes,
    image: Image,
    predictions: Sequence[Prediction],
    annotations: Sequence[Annotation],
    iou_type: IouType,
) -> None:
    """Add the outcomes of one image; `predictions` are in falling order of score."""
    ious = _ious(image, predictions, annotations, iou_type)
    matches = match(ious, predictions, annotations, score_threshold=0)
    single = [j for j, a in enumerate(annotations) if not a.iscrowd]
    found = {j for _, j in matches.pairs}
    reachable = set()
    for j in single:
        type_id = annotations[j].category_id
        outcomes.annotations[type_id] = outcomes.annotations.get(type_id, 0) + 1
    right, false = {i for i, _ in matches.pairs}, set(matches.false)
    for i, p in enumerate(predictions):  # in this order, by which COCOeval ranks equal scores
        if i in right:
            outcomes.predictions.append(_Outcome(p.category_id, p.score, right=True))
        elif i in false:
            same_type = [annotations[j].category_id == p.category_id for j in single]
            kind, nearest = _kind(ious[i, single], same_type, [j in found for j in single])
            outcome = _Outcome(p.category_id, p.score, right=False, kind=kind)
            if nearest is not None and single[nearest] not in found:
                j = single[nearest]
                outcome.target, outcome.fixed_type = (image.id, j), annotations[j].category_id
                reachable.add(j)
            outcomes.predictions.append(outcome)
    for j in matches.missed:
        if j not in reachable:
            type_id = annotations[j].category_id
            outcomes.missed[type_id] = outcomes.missed.get(type_id, 0) + 1


def _kind(
    ious: "NDArray[np.float64]", same_type: Sequence[bool], found: Sequence[bool]
) -> tuple[ErrorKind, int | None]:
    """The kind of a false prediction by its IoUs with the annotations, and the annotation that it nearly found."""
    if not len(ious):
        return ErrorKind.background, None
    same = np.where(same_type, ious, 0)
    other = np.where(same_type, 0, ious)
    if BACKGROUND_IOU <= same.max() <= IOU_THRESHOLD:
        return ErrorKind.badly_placed, int(same.argmax())
    if other.max() >= IOU_THRESHOLD:
        return ErrorKind.wrong_type, int(other.argmax())
    if np.where(found, same, 0).max() >= IOU_THRESHOLD:
        return ErrorKind.duplicate, None
    if ious.max() <= BACKGROUND_IOU:
        return ErrorKind.background, None
    return ErrorKind.both, None


def _mean_precision(outcomes: _Outcomes, fix: ErrorKind | None) -> float | None:
    """Mean AP over the annotated types after each error of kind `fix` is right; None without an annotation.

    A prediction that can be fixed finds its annotation; of several with the same, the one with the highest score
    does, and the others are dropped, as are those that find nothing. Missed annotations are not counted.
    """
    best: dict[tuple[int, int], _Outcome] = {}
    for o in outcomes.predictions:
        if o.target is not None and (o.target not in best or o.score > best[o.target].score):
            best[o.target] = o
    scored: dict[int, list[tuple[float, bool]]] = {type_id: [] for type_id in outcomes.annotations}
    for o in outcomes.predictions:
        if o.kind is None or o.kind is not fix:
            scored.setdefault(o.type_id, []).append((o.score, o.right))
        elif o.target is not None and best[o.target] is o:
            scored[o.fixed_type].append((o.score, True))
    missed = outcomes.missed if fix is ErrorKind.missed else {}
    counts = {type_id: count - missed.get(type_id, 0) for type_id, count in outcomes.annotations.items()}
    values = [_precision(scored[t], count) for t, count in counts.items()]
    return float(np.mean(values)) if values else None


def _precision(scored: Sequence[tuple[float, bool]], annotations: int) -> float:
    """AP of one type at 101 recall points, as COCOeval; 1 with nothing to find and nothing predicted."""
    if not annotations or not scored:
        return float(not annotations and not scored)
    right = np.array([r for _, r in sorted(scored, key=lambda s: -s[0])])
    hits = np.cumsum(right)
    precision = np.maximum.accumulate((hits / np.arange(1, len(right) + 1))[::-1])[::-1]
    picked = np.searchsorted(hits / annotations, RECALLS, side="left")
    return float(np.append(precision, 0.0)[picked].mean())


def _ious(
    image: Image, predictions: Sequence[Prediction], annotations: Sequence[Annotation], iou_type: IouType
) -> "NDArray[np.float64]":
    """IoU of each prediction with each annotation; for an ignore region, the part of the prediction inside it."""
    ignore = [bool(a.iscrowd) for a in annotations]
    if iou_type == "bbox":
        return box_ious([p.bbox for p in predictions], [a.bbox for a in annotations], ignore)
    ious = np.zeros((len(predictions), len(annotations)))
    predicted = [to_rle(p.segmentation or [], image.height, image.width) for p in predictions]
    drawn = [to_rle(a.segmentation, image.height, image.width) for a in annotations]
    for i, first in enumerate(predicted):
        for j, second in enumerate(drawn):
            if first is not None and second is not None:
                ious[i, j] = rle_ious([first], [second], ignore=ignore[j])[0, 0]
    return ious
