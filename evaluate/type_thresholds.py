"""A score threshold for each defect type, chosen by a rule on images that are not the test images.

For one type, an image is defective if it has an annotation of the type, and its score is that of the highest
prediction of the type: all other images count as good ones. A type needs an annotation in MIN_IMAGES images there;
with fewer, its threshold would follow single images.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from datasets.coco import CocoFile, Prediction
from evaluate.images import defective_images, image_scores
from evaluate.operating import Rule, choose_operating_point
from evaluate.values import OperatingPoint
from system.errors import OptionError

MIN_IMAGES = 10
Seen = Sequence[tuple[CocoFile, Sequence[Prediction]]]


def choose_type_thresholds(rule: Rule, seen: Seen, point: OperatingPoint) -> OperatingPoint:
    """`point`, chosen for all types together, with a threshold of each type of `seen` by the same rule.

    Unchanged if `seen` has no image. Raises OptionError for a type on too few images.
    """
    if not any(truth.images for truth, _ in seen):
        return point
    check_annotations(rule, [truth for truth, _ in seen])
    names = seen[0][0].names()
    chosen = {name: _choose(rule, seen, category, point) for category, name in names.items()}
    thresholds = {name: one.score_threshold for name, one in chosen.items()}
    met = point.met and all(one.met for one in chosen.values())
    return msgspec.structs.replace(point, types=thresholds, met=met)


def check_annotations(rule: Rule, seen: Sequence[CocoFile]) -> None:
    """Raise OptionError if a type is annotated on fewer than MIN_IMAGES images of `seen`."""
    counts: Counter[str] = Counter()
    for truth in seen:
        names = truth.names()
        counts.update(dict.fromkeys(names.values(), 0))
        labelled = {(a.image_id, a.category_id) for a in truth.annotations if not a.iscrowd}
        counts.update(names[category] for _, category in labelled)
    if not counts:
        problem = "no image to choose thresholds on: val is empty, and there is no other fold"
        raise OptionError(f"--operating-point {rule.text}", problem, "leave out /type, or train with --folds")
    name, count = min(counts.items(), key=lambda item: (item[1], item[0]))
    if count < MIN_IMAGES:
        problem = f"{name} is on {count} images to choose its threshold on, {MIN_IMAGES} are needed"
        raise OptionError(f"--operating-point {rule.text}", problem, "leave out /type, or train with --folds")


def counted_predictions(
    predictions: Sequence[Prediction], point: OperatingPoint, names: Mapping[int, str]
) -> list[Prediction]:
    """The predictions that reach `point`; `names` are the names of the categories."""
    limits = {category: point.types.get(name, point.score_threshold) for category, name in names.items()}
    return [p for p in predictions if p.score >= limits.get(p.category_id, point.score_threshold)]


def lowest_threshold(point: OperatingPoint) -> float:
    """The lowest score that counts for any type."""
    return min([*point.types.values(), point.score_threshold])


def _choose(rule: Rule, seen: Seen, category: int, point: OperatingPoint) -> OperatingPoint:
    scores: list[float] = []
    defective: list[bool] = []
    for truth, predictions in seen:
        annotations = [a for a in truth.annotations if a.category_id == category]
        of_type = msgspec.structs.replace(truth, annotations=annotations)
        score_of = image_scores(of_type, [p for p in predictions if p.category_id == category])
        for image, is_defective in defective_images(of_type).items():
            scores.append(score_of[image])
            defective.append(is_defective)
    return choose_operating_point(rule, scores, defective, point.score_threshold)
