"""Suspected errors of annotations, by the boxes of the predictions of one run.

A prediction is confident if its score is at least CONFIDENT_SHARE of the confidence of its type: the mean, over
the annotations of the type, of the best score of a prediction of that type that finds them. These are the
thresholds of confident learning (Northcutt et al. 2021), for instances. A type has no confident prediction if it
is never found, or if less than half of those that would be confident are near an annotation of the type: such a
model contradicts the labels because it is poor.

* unlabelled: a confident prediction away from all annotations;
* not met: an annotation that has near it only scores below a share of what is usual for its type;
* other type: an annotation found by a confident prediction of another type and by none of its own type that is as
  good;
* badly placed: no confident prediction finds an annotation, but one overlaps it less than is usual for its type.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Annotation, CocoFile, Image, Prediction
from evaluate.label_suspects import Suspect, SuspectKind
from evaluate.matching import IOU_THRESHOLD, box_ious

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR_IOU = 0.1
NEAR_PART = 0.5  # part of the smaller box inside the larger one from which the two are near each other
TRUSTED_SHARE = 0.5
CONFIDENT_SHARE = 0.8  # with the mean itself, half of what a good model finds would not be confident
NOT_MET_SHARE = 0.2  # of the usual best score near an annotation
MISPLACED_SHARE = 0.75  # of the usual IoU


class UsualScores(msgspec.Struct, frozen=True):
    """How a run finds the annotations of a type: means over them, None without any.

    `confidence` is the mean of the best score that finds each, and None if the type is not trusted; `near` is the
    mean of the best score of any type near each, `iou` the mean IoU of those found.
    """

    confidence: float | None = None
    near: float | None = None
    iou: float | None = None


@dataclass(frozen=True, slots=True)
class _Compared:
    """The predictions and annotations of an image, without ignore regions and what is only inside these.

    A prediction near an annotation stays, also inside an ignore region: it is about the annotation.

    `ious` and `near` are predictions x annotations; `found` is for each annotation the position of the prediction
    of its type that finds it with the best score, else -1.
    """

    image: Image
    predictions: list[Prediction]
    annotations: list[Annotation]
    ious: "NDArray[np.float64]"
    near: "NDArray[np.bool_]"

    def best(self, column: "NDArray[np.bool_]") -> int | None:
        """The prediction with the highest score of those that `column` selects."""
        chosen = np.flatnonzero(column)
        return int(max(chosen, key=lambda i: self.predictions[i].score)) if len(chosen) else None

    def score(self, best: int | None) -> float:
        """The score of a prediction, 0 for none."""
        return 0.0 if best is None else self.predictions[best].score

    def finder(self, j: int, *, own_type: bool) -> int | None:
        """The best prediction of the annotation's own type, or of another type, that finds annotation `j`."""
        types = np.array([p.category_id for p in self.predictions])
        same = types == self.annotations[j].category_id
        return self.best((self.ious[:, j] >= IOU_THRESHOLD) & (same == own_type))


def instance_suspects(truth: CocoFile, predictions: Sequence[Prediction]) -> list[Suspect]:
    """The suspects of one run, in the order of the images."""
    compared = list(_compare(truth, predictions))
    usual = usual_scores(truth, compared)
    names = truth.names()
    return [suspect for one in compared for suspect in _suspects(one, usual, names)]


def usual_scores(truth: CocoFile, compared: Sequence[_Compared]) -> dict[int, UsualScores]:
    """How the annotations of each category id are found."""
    scores: dict[int, list[tuple[float, float, float | None]]] = {category: [] for category in truth.names()}
    for one in compared:
        for j, annotation in enumerate(one.annotations):
            own = one.finder(j, own_type=True)
            iou = None if own is None else float(one.ious[own, j])
            near = one.score(one.best(one.near[:, j]))
            scores[annotation.category_id].append((one.score(own), near, iou))
    usual = {category: _usual(rows) for category, rows in scores.items()}
    return {
        category: one if _is_trusted(category, one, compared) else msgspec.structs.replace(one, confidence=None)
        for category, one in usual.items()
    }


def _is_trusted(category: int, usual: UsualScores, compared: Sequence[_Compared]) -> bool:
    """Whether at least TRUSTED_SHARE of the confident predictions of a type are near an annotation of the type."""
    near = total = 0
    for one in compared:
        own = np.array([a.category_id == category for a in one.annotations], bool)
        for i, p in enumerate(one.predictions):
            if p.category_id == category and _is_confident(p, {category: usual}):
                total += 1
                near += bool(one.near[i, own].any())
    return near >= TRUSTED_SHARE * total


def _usual(rows: Sequence[tuple[float, float, float | None]]) -> UsualScores:
    if not rows:
        return UsualScores()
    ious = [iou for _, _, iou in rows if iou is not None]
    confidence = float(np.mean([own for own, _, _ in rows]))
    near = float(np.mean([near for _, near, _ in rows]))
    return UsualScores(confidence or None, near, float(np.mean(ious)) if ious else None)


def _compare(truth: CocoFile, predictions: Sequence[Prediction]) -> Iterator[_Compared]:
    of_image: dict[int, list[Prediction]] = {image.id: [] for image in truth.images}
    for p in predictions:
        of_image[p.image_id].append(p)
    annotations = truth.by_image()
    for image in truth.images:
        regions = [a.bbox for a in annotations[image.id] if a.iscrowd]
        single = [a for a in annotations[image.id] if not a.iscrowd]
        boxes, drawn = [p.bbox for p in of_image[image.id]], [a.bbox for a in single]
        ious = box_ious(boxes, drawn)
        parts = np.maximum(
            box_ious(boxes, drawn, [True] * len(drawn)), box_ious(drawn, boxes, [True] * len(boxes)).T
        )
        near = (ious >= NEAR_IOU) | (parts >= NEAR_PART)
        inside = box_ious(boxes, regions, [True] * len(regions)).max(axis=1, initial=0) >= NEAR_PART
        kept = np.flatnonzero(~inside | near.any(axis=1))
        yield _Compared(image, [of_image[image.id][i] for i in kept], single, ious[kept], near[kept])


def _suspects(one: _Compared, usual: Mapping[int, UsualScores], names: Mapping[int, str]) -> Iterator[Suspect]:
    confident = np.array([_is_confident(p, usual) for p in one.predictions], bool)
    yield from _unlabelled(one, confident, names)
    for j, annotation in enumerate(one.annotations):
        of_type = usual[annotation.category_id]
        label = names[annotation.category_id]
        near = one.best(one.near[:, j])
        best = one.best(one.near[:, j] & confident)
        if of_type.near and one.score(near) <= NOT_MET_SHARE * of_type.near:
            suspicion = of_type.near - one.score(near)
            reason = f"{label} is not met: best score near it {one.score(near):.2f}, usually {of_type.near:.2f}"
            yield _about(one, annotation, SuspectKind.not_met, suspicion, reason, label)
        elif best is None:
            continue
        else:
            own, other = one.finder(j, own_type=True), one.finder(j, own_type=False)
            if other is not None and confident[other] and one.score(other) > one.score(own):
                predicted = names[one.predictions[other].category_id]
                reason = f"{label} looks like {predicted}: {one.score(other):.2f} against {one.score(own):.2f}"
                suspicion = one.score(other) - one.score(own)
                yield _about(one, annotation, SuspectKind.other_type, suspicion, reason, label, predicted)
            elif (found := one.ious[confident, j].max()) < MISPLACED_SHARE * (of_type.iou or 0.0):
                suspicion = one.score(best) * float(1 - found / (of_type.iou or 1.0))
                reason = f"the box of {label} overlaps that predicted by {found:.2f}, usually {of_type.iou:.2f}"
                yield _about(one, annotation, SuspectKind.badly_placed, suspicion, reason, label)


def _unlabelled(one: _Compared, confident: "NDArray[np.bool_]", names: Mapping[int, str]) -> Iterator[Suspect]:
    """Confident predictions away from all annotations, without the weaker ones of an overlapping pair."""
    away = np.flatnonzero(confident & ~one.near.any(axis=1))
    kept: list[Prediction] = []
    for i in sorted(away, key=lambda i: -one.predictions[i].score):
        p = one.predictions[i]
        if box_ious([p.bbox], [k.bbox for k in kept]).max(initial=0) < NEAR_IOU:
            kept.append(p)
            name = names[p.category_id]
            yield Suspect(
                kind=SuspectKind.unlabelled,
                image=one.image.file_name,
                suspicion=p.score,
                reason=f"{name} is predicted with {p.score:.2f} where nothing is labelled",
                predicted=name,
                box=p.bbox,
            )


def _about(
    one: _Compared,
    annotation: Annotation,
    kind: SuspectKind,
    suspicion: float,
    reason: str,
    label: str,
    predicted: str | None = None,
) -> Suspect:
    return Suspect(
        kind=kind,
        image=one.image.file_name,
        suspicion=suspicion,
        reason=reason,
        label=label,
        predicted=predicted,
        annotation=annotation.id,
        box=annotation.bbox,
    )


def _is_confident(prediction: Prediction, usual: Mapping[int, UsualScores]) -> bool:
    limit = usual[prediction.category_id].confidence
    return limit is not None and prediction.score >= CONFIDENT_SHARE * limit
