"""Correct and wrong predictions at the operating point, by annotations and by types."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from datasets.coco import Annotation, CocoFile, Prediction
from evaluate.cells import Table, value_cell
from evaluate.matching import IOU_THRESHOLD, match_boxes
from evaluate.metric import Metric, Tested
from evaluate.values import ratio

BACKGROUND = "background"


class InstanceCounts(msgspec.Struct, frozen=True):
    """Annotations found and predictions right, at the operating point and box IoU 0.5, type included."""

    found: int
    false: int
    missed: int
    precision: float | None
    recall: float | None


class TypeConfusion(msgspec.Struct, frozen=True):
    """`matrix[i][j]`: annotations of type `names[i]` met by predictions of type `names[j]`, background last."""

    names: list[str]
    matrix: list[list[int]]


class InstanceMetric(Metric[InstanceCounts]):
    """Counts of annotations and predictions with boxes."""

    key = "instances"
    value_type = InstanceCounts

    def measure(self, tested: Tested) -> InstanceCounts | None:
        """By the predictions that count; None without boxes."""
        return instance_counts(tested.truth, tested.counted) if tested.provides.boxes else None

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """How predictions meet annotations."""
        del truth
        return {"instances": f"{_MATCHING}, same type"}

    def tables(self, value: InstanceCounts, definitions: Mapping[str, str]) -> Iterator[Table]:
        """One row."""
        row = ["all types", str(value.found), str(value.false), str(value.missed),
               value_cell(value.precision), value_cell(value.recall)]  # fmt: skip
        columns = ("", "found", "false", "missed", "precision", "recall")
        yield Table("Instances", columns, [row], definitions["instances"])


class TypeConfusionMetric(Metric[TypeConfusion]):
    """Which type is predicted as which."""

    key = "type_confusion"
    value_type = TypeConfusion

    def measure(self, tested: Tested) -> TypeConfusion | None:
        """By the predictions that count; None without boxes."""
        return type_confusion(tested.truth, tested.counted) if tested.provides.boxes else None

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """How predictions meet annotations."""
        del truth
        return {"type_confusion": f"{_MATCHING}, any type"}

    def tables(self, value: TypeConfusion, definitions: Mapping[str, str]) -> Iterator[Table]:
        """The matrix."""
        rows = [[name, *map(str, row)] for name, row in zip(value.names, value.matrix, strict=True)]
        title = "Types: rows are truth, columns predictions"
        yield Table(title, ("", *value.names), rows, definitions["type_confusion"])


INSTANCES = InstanceMetric()
TYPE_CONFUSION = TypeConfusionMetric()
_MATCHING = f"greedy matching by score at the operating point, box IoU {IOU_THRESHOLD}"


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
    """Which type is predicted as which: box IoU 0.5, matched independently of the type.

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
