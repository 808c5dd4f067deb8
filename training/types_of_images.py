"""The types of defects corrected by a classifier of whole images (`fuse --types-by`).

A classifier sees the whole image at once, and often knows its type better than a model of boxes or pixels. Its
probabilities are multiplied with the evidence of the model, which is tempered, because models of boxes and pixels
are far too certain of a type (docs/adr/0023-tempered-evidence-of-types.md). How certain it is that there is a
defect at all stays that of the model.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from datasets.coco import Category, Prediction
from evaluate.matching import box_ious

LEAST = 0.02  # probability that a type has at least, so that a confident model can outvote the classifier
TEMPER = 0.25  # exponent of the model's evidence
UNSEEN = (
    0.05  # least evidence of a type, as a share of the best; with TEMPER, a type 2.1 times as likely outvotes it
)
SAME_IOU = 0.55  # boxes of all types that overlap by more are of one place
LOWEST = 0.01  # boxes of types that are less likely than this share of the likeliest are left out
SCORE_DIGITS = 6


def type_probabilities(found: Iterable[Prediction], categories: Sequence[Category]) -> dict[int, float]:
    """Category id -> probability of the type if there is a defect, at least LEAST, from a classifier's answer.

    They sum to about 1, also where an image may have several types.
    """
    scores = {category.id: 0.0 for category in categories}
    scores.update((p.category_id, p.score) for p in found)
    total = sum(scores.values())
    if total <= 0:
        return dict.fromkeys(scores, 1 / len(scores))
    return {category: max(score / total, LEAST) for category, score in scores.items()}


def weigh(evidence: Mapping[int, float], probabilities: Mapping[int, float]) -> dict[int, float]:
    """Category id -> how likely it is by the classifier and by the evidence of the model, which is at least 0.

    `evidence` is in any unit, and a type may lack; the values have no unit either.
    """
    best = max(evidence.values(), default=0.0) or 1.0
    return {
        category: max(evidence.get(category, 0.0) / best, UNSEEN) ** TEMPER * probability
        for category, probability in probabilities.items()
    }


def retype(boxes: Sequence[Prediction], probabilities: Mapping[int, float]) -> list[Prediction]:
    """`boxes` of one image with types that fit `probabilities`, best first.

    At each place, the evidence of a type is the score of its box. The likeliest type gets the best score of the
    place, the others in proportion. A type without a box gets the best box of the place.
    """
    retyped: list[Prediction] = []
    for place in _places(boxes):
        best = place[0]
        of_type: dict[int, Prediction] = {}
        for box in place:
            of_type.setdefault(box.category_id, box)
        likely = weigh({category: box.score for category, box in of_type.items()}, probabilities)
        highest = max(likely.values())
        for category, value in likely.items():
            if highest and value >= LOWEST * highest:
                score = round(best.score * value / highest, SCORE_DIGITS)
                one = of_type.get(category, best)
                retyped.append(msgspec.structs.replace(one, category_id=category, score=score))
    return sorted(retyped, key=lambda p: -p.score)


def _places(boxes: Sequence[Prediction]) -> list[list[Prediction]]:
    """The boxes of each place, whatever their type, best first."""
    places: list[list[Prediction]] = []
    for box in sorted(boxes, key=lambda p: -p.score):
        overlaps = box_ious([box.bbox], [place[0].bbox for place in places])[0] if places else []
        near = [number for number, overlap in enumerate(overlaps) if overlap > SAME_IOU]
        if near:
            places[max(near, key=lambda number: overlaps[number])].append(box)
        else:
            places.append([box])
    return places
