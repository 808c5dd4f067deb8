"""The types of images that may have several, each predicted by itself: exact matches, precision and recall.

An image has each type that it has an annotation of. It is predicted to have each type whose probability is at
least PRESENT. A type that no tested image has, or that all have, has no AUROC.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import CocoFile
from evaluate.bootstrap import binomial_interval, percentile_interval
from evaluate.cells import Table, interval_cell, value_cell
from evaluate.metric import Metric, Tested
from evaluate.type_measures import auroc
from evaluate.type_of_image import PRESENT, labels_of_images, type_names, type_probabilities, types_of_images
from evaluate.values import Interval, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PresentType(msgspec.Struct, frozen=True):
    """One type: how many images have it, are predicted to have it, and both; exact intervals of both ratios."""

    name: str
    images: int
    predicted: int
    right: int
    precision: float | None
    recall: float | None
    f1: float | None
    auroc: float | None
    precision_interval: Interval | None
    recall_interval: Interval | None


class SeveralTypesMeasures(msgspec.Struct, frozen=True):
    """`accuracy` is the share of images whose types are all right, `macro_f1` the mean over types that occur.

    `auroc` is that of good against defective images, by the highest probability of any type. `intervals` has one
    for each of the three: an exact one of the accuracy, the others from the bootstrap.
    """

    images: int
    right: int
    accuracy: float | None
    macro_f1: float | None
    auroc: float | None
    intervals: dict[str, Interval | None]
    types: list[PresentType]


class SeveralTypesMetric(Metric[SeveralTypesMeasures]):
    """Measures of runs whose images may have several types."""

    key = "several_types"
    value_type = SeveralTypesMeasures

    def measure(self, tested: Tested) -> SeveralTypesMeasures | None:
        """At a probability of PRESENT; None for other runs."""
        return several_types_measures(tested) if tested.provides.several_types else None

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """When an image has a type, and when it is right."""
        del truth
        return {
            "several_types": "an image has each type that it has an annotation of, and is predicted to have each"
            f" type with a probability of at least {PRESENT:g}; it is right where all types are; images with only"
            " ignore regions are left out; macro F1 over the types that occur in truth or predictions; AUROC of"
            " good against defective by the highest probability"
        }

    def tables(self, value: SeveralTypesMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """The numbers of all images, and those of each type."""
        rows = [
            [name, value_cell(getattr(value, key)), interval_cell(value.intervals.get(key))]
            for key, name in NUMBERS.items()
        ]
        title = f"Several types: {value.right} of {value.images} images right"
        yield Table(title, ("", "value", "95 % interval"), rows, definitions["several_types"])
        columns = (
            "",
            "images",
            "predicted",
            "right",
            "precision",
            "95 % interval",
            "recall",
            "95 % interval",
            "AUROC",
        )
        yield Table("Several types, each", columns, [_row(one) for one in value.types])

    def fold_numbers(self, value: SeveralTypesMeasures) -> dict[str, float | None]:
        """All but those of single types."""
        return {name: getattr(value, key) for key, name in NUMBERS.items()}


SEVERAL_TYPES = SeveralTypesMetric()
NUMBERS = {
    "accuracy": "images with all types right",
    "macro_f1": "macro F1 of types",
    "auroc": "AUROC of good against defective",
}


def several_types_measures(tested: Tested) -> SeveralTypesMeasures:
    """Every number, with intervals by the resamples of `tested`."""
    names = tested.truth.names()
    images = types_of_images(tested.truth)[0]
    truth = labels_of_images(tested.truth, images)
    scores = type_probabilities(images, list(names), tested.predictions, several=True)[:, 1:]
    predicted = scores >= PRESENT
    position = {image.id: i for i, image in enumerate(tested.truth.images)}
    draws = tested.draws[:, [position[image.id] for image in images]]
    once = np.ones(len(images), np.int64)
    right = int((truth == predicted).all(axis=1).sum())
    defective, highest = np.asarray(truth.any(axis=1)), scores.max(axis=1, initial=0)
    return SeveralTypesMeasures(
        images=len(images),
        right=right,
        accuracy=ratio(right, len(images)),
        macro_f1=_macro_f1(truth, predicted, once),
        auroc=auroc(highest, defective, once),
        intervals={
            "accuracy": binomial_interval(right, len(images)),
            "macro_f1": _percentiles([_macro_f1(truth, predicted, draw) for draw in draws]),
            "auroc": _percentiles([auroc(highest, defective, draw) for draw in draws]),
        },
        types=[
            _present(name, truth[:, k], scores[:, k], once)
            for k, name in enumerate(type_names(names.values())[1:])
        ],
    )


def _present(
    name: str, truth: "NDArray[np.bool_]", scores: "NDArray[np.float64]", once: "NDArray[np.int64]"
) -> PresentType:
    predicted = scores >= PRESENT
    images, given, right = int(truth.sum()), int(predicted.sum()), int((truth & predicted).sum())
    return PresentType(
        name=name,
        images=images,
        predicted=given,
        right=right,
        precision=ratio(right, given),
        recall=ratio(right, images),
        f1=ratio(2 * right, images + given),
        auroc=auroc(scores, truth, once),
        precision_interval=binomial_interval(right, given),
        recall_interval=binomial_interval(right, images),
    )


def _macro_f1(
    truth: "NDArray[np.bool_]", predicted: "NDArray[np.bool_]", draw: "NDArray[np.int64]"
) -> float | None:
    right = draw @ (truth & predicted)
    both = draw @ truth.astype(np.int64) + draw @ predicted.astype(np.int64)
    known = both > 0
    return float((2 * right[known] / both[known]).mean()) if known.any() else None


def _percentiles(values: list[float | None]) -> Interval | None:
    return percentile_interval(np.asarray([np.nan if v is None else v for v in values], np.float64))


def _row(one: PresentType) -> list[str]:
    return [
        one.name, str(one.images), str(one.predicted), str(one.right), value_cell(one.precision),
        interval_cell(one.precision_interval), value_cell(one.recall), interval_cell(one.recall_interval),
        value_cell(one.auroc),
    ]  # fmt: skip
