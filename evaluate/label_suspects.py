"""The value types of suspected label errors, and the suspects that several runs agree on."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from datasets.coco import Box
from evaluate.matching import box_ious

SAME_PLACE_IOU = 0.5


class SuspectKind(StrEnum):
    """What the predictions contradict."""

    unlabelled = "unlabelled defect"
    not_met = "not met by any prediction"
    other_type = "other type"
    badly_placed = "badly placed"
    other_pixels = "other pixels"
    image_type = "other image type"


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A label that the predictions contradict; `suspicion` is 0 to 1, the higher the more likely an error.

    `annotation` is its id in the dataset, None for an unlabelled defect and for the type of an image. `box` is
    the place in pixels, that of the prediction for an unlabelled defect.
    """

    kind: SuspectKind
    image: str
    suspicion: float
    reason: str
    label: str | None = None
    predicted: str | None = None
    annotation: int | None = None
    box: Box | None = None


def agreed(runs: Sequence[Sequence[Suspect]]) -> list[Suspect]:
    """The suspects of the first run that every other run has too, with the lowest suspicion of all.

    The same suspect is of the same kind, image and predicted type, and about the same annotation, or, for an
    unlabelled defect, at a box with an IoU of at least SAME_PLACE_IOU. Of several about one annotation the most
    suspicious is kept; the most suspicious comes first.
    """
    first, *others = runs
    kept = []
    for suspect in first:
        same = [_most_suspicious(suspect, other) for other in others]
        if None not in same:
            lowest = min(suspect.suspicion, *(one.suspicion for one in same if one is not None), 1.0)
            kept.append(msgspec.structs.replace(suspect, suspicion=lowest))
    ranked = sorted(kept, key=lambda s: (-s.suspicion, s.image, s.kind, s.annotation or 0))
    seen: set[tuple[str, int]] = set()
    single = []
    for suspect in ranked:
        key = None if suspect.annotation is None else (suspect.image, suspect.annotation)
        if key is None or key not in seen:
            single.append(suspect)
        if key is not None:
            seen.add(key)
    return single


def _most_suspicious(suspect: Suspect, others: Sequence[Suspect]) -> Suspect | None:
    same = [one for one in others if _is_same(suspect, one)]
    return max(same, key=lambda one: one.suspicion, default=None)


def _is_same(first: Suspect, second: Suspect) -> bool:
    ours = (first.kind, first.image, first.annotation, first.predicted)
    if ours != (second.kind, second.image, second.annotation, second.predicted):
        return False
    if first.kind is not SuspectKind.unlabelled or first.box is None or second.box is None:
        return True
    return bool(box_ious([first.box], [second.box])[0, 0] >= SAME_PLACE_IOU)
