"""What the predictions that reach the operating point get right and wrong, by annotations and by types."""

from collections.abc import Iterator, Sequence

from datasets.coco import Annotation, CocoFile, Prediction
from evaluate.matching import match_boxes
from evaluate.metrics import BACKGROUND, InstanceCounts, TypeConfusion, ratio


def instance_counts(truth: CocoFile, counted: Sequence[Prediction]) -> InstanceCounts:
    """Annotations found, predictions false and annotations missed: box IoU 0.5, same type."""
    found = false = missed = 0
    for predicted, annotated in _by_image(truth, counted):
        matches = match_boxes(predicted, annotated, score_threshold=0)
        found += len(matches.pairs)
        false += len(matches.false)
        missed += len(matches.missed)
    return InstanceCounts(found, false, missed, ratio(found, found + false), ratio(found, found + missed))


def type_confusion(truth: CocoFile, counted: Sequence[Prediction]) -> TypeConfusion:
    """Which type is taken for which: box IoU 0.5, matched whatever the type.

    The last row is predictions that meet no annotation, the last column annotations that no prediction meets.
    """
    names = truth.names()
    position = {category_id: k for k, category_id in enumerate(names)}
    background = len(names)
    matrix = [[0] * (background + 1) for _ in range(background + 1)]
    for predicted, annotated in _by_image(truth, counted):
        matches = match_boxes(predicted, annotated, score_threshold=0, any_type=True)
        for i, j in matches.pairs:
            matrix[position[annotated[j].category_id]][position[predicted[i].category_id]] += 1
        for i in matches.false:
            matrix[background][position[predicted[i].category_id]] += 1
        for j in matches.missed:
            matrix[position[annotated[j].category_id]][background] += 1
    return TypeConfusion([*names.values(), BACKGROUND], matrix)


def _by_image(
    truth: CocoFile, predictions: Sequence[Prediction]
) -> Iterator[tuple[list[Prediction], list[Annotation]]]:
    predicted: dict[int, list[Prediction]] = {image.id: [] for image in truth.images}
    for p in predictions:
        predicted[p.image_id].append(p)
    for image_id, annotations in truth.by_image().items():
        yield predicted[image_id], annotations
