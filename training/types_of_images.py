"""The types of defects corrected by a classifier of whole images (`fuse --types-by`).

A classifier sees the whole image at once, and often knows its type better than a model of boxes or pixels. Its
probabilities are multiplied with the evidence of the model, as in a naive Bayes classifier. How certain it is that
there is a defect at all stays that of the model.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from datasets.coco import Category, Prediction
from evaluate.matching import box_ious

LEAST = 0.02  # probability that a type has at least, so that a confident model can outvote the classifier
UNSEEN = 0.05  # evidence of a type of which the model has no box at a place, as a share of the best
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


def retype(boxes: Sequence[Prediction], probabilities: Mapping[int, float]) -> list[Prediction]:
    """`boxes` of one image with types that fit `probabilities`, best first.

    At each place, the evidence of a type is the score of its box, times its probability. The likeliest type gets
    the best score of the place, the others in proportion. A type without a box gets the best box of the place.
    """
    retyped: list[Prediction] = []
    for place in _places(boxes):
        best = place[0]
        of_type: dict[int, Prediction] = {}
        for box in place:
            of_type.setdefault(box.category_id, box)
        evidence = {
            category: (of_type[category].score if category in of_type else UNSEEN * best.score) * probability
            for category, probability in probabilities.items()
        }
        highest = max(evidence.values())
        for category, value in evidence.items():
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
