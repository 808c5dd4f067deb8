"""The type of each image as a classifier predicts it: accuracy, recalls, confusion and calibration.

A type that occurs in no tested image has no recall, and takes no part in the means over types.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import CocoFile
from evaluate.bootstrap import binomial_interval, percentile_interval
from evaluate.calibration import CalibrationBin, calibration_bins, calibration_error
from evaluate.cells import Table, interval_cell, value_cell
from evaluate.metric import Metric, Tested
from evaluate.several_types import several_types_measures
from evaluate.type_measures import TypeMeasures, auroc, confusions, type_measures
from evaluate.type_of_image import GOOD_INDEX, type_names, type_probabilities, types_of_images
from evaluate.values import Interval, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TypeScores(msgspec.Struct, frozen=True):
    """One type: how many images are of it, are predicted as it, and are both; exact intervals of both ratios."""

    name: str
    images: int
    predicted: int
    right: int
    precision: float | None
    recall: float | None
    precision_interval: Interval | None
    recall_interval: Interval | None


class ImageTypeMeasures(msgspec.Struct, frozen=True):
    """How well the types of whole images are predicted.

    `accuracy` is `right` of `images`. `balanced_accuracy` is the mean, `geometric_mean` the geometric mean of the
    recalls. `auroc` is that of good against defective images. `matrix[i][j]`: images of type `names[i]` predicted
    as `names[j]`. `intervals` has one for each number. `calibration_error` is the expected one, over the bins of
    `calibration`.
    """

    images: int
    right: int
    accuracy: float | None
    balanced_accuracy: float | None
    geometric_mean: float | None
    macro_f1: float | None
    auroc: float | None
    intervals: dict[str, Interval | None]
    types: list[TypeScores]
    names: list[str]
    matrix: list[list[int]]
    calibration_error: float | None
    calibration: list[CalibrationBin]


class ImageTypeMetric(Metric[ImageTypeMeasures]):
    """Measures of image types, for runs that provide them."""

    key = "image_types"
    value_type = ImageTypeMeasures

    def measure(self, tested: Tested) -> ImageTypeMeasures | None:
        """By the most probable type of each image, at no threshold; None for a run without image types."""
        provides = tested.provides
        return image_type_measures(tested) if provides.image_types and not provides.several_types else None

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """What the type of an image is, and which interval is of which kind."""
        del truth
        return {
            "image_types": "the type of an image is that of its annotations, of several the one with the largest"
            " area, good without any; predicted is the most probable type, whatever the operating point; images"
            " with only ignore regions are left out; means over the types that occur; AUROC by the probability of"
            " any defect; intervals of accuracy, precision and recall are exact binomial ones, the others from the"
            " bootstrap; calibration error over 10 bins of the highest probability"
        }

    def tables(self, value: ImageTypeMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """All numbers, the types, and the confusion of types."""
        rows = [
            [name, value_cell(number), interval_cell(value.intervals.get(key))]
            for (name, number), key in zip(self.fold_numbers(value).items(), NUMBERS, strict=True)
        ]
        rows.append(["calibration error", value_cell(value.calibration_error), interval_cell(None)])
        title = f"Image types: {value.right} of {value.images} images right"
        yield Table(title, ("", "value", "95 % interval"), rows, definitions["image_types"])
        columns = ("", "images", "predicted", "right", "precision", "95 % interval", "recall", "95 % interval")
        yield Table("Image types, each", columns, [_row(one) for one in value.types])
        matrix = [[name, *map(str, row)] for name, row in zip(value.names, value.matrix, strict=True)]
        yield Table("Image types: rows are truth, columns predictions", ("", *value.names), matrix)

    def fold_numbers(self, value: ImageTypeMeasures) -> dict[str, float | None]:
        """All but those of single types."""
        return {title: getattr(value, key) for key, title in NUMBERS.items()}

    def resampled(self, tested: Tested) -> "dict[str, NDArray[np.float64]]":
        """All but those of single types."""
        if not tested.provides.image_types:
            return {}
        truth, probabilities, draws = _tested_types(tested)
        matrices = confusions(truth, probabilities.argmax(axis=1), probabilities.shape[1], draws)
        measures = [type_measures(one) for one in matrices]
        defective, defect = truth != GOOD_INDEX, 1 - probabilities[:, GOOD_INDEX]
        numbers = {
            "accuracy": [ratio(np.trace(one), one.sum()) for one in matrices],
            **{name: [getattr(one, name) for one in measures] for name in TypeMeasures.__struct_fields__},
            "auroc": [auroc(defect, defective, draw) for draw in draws],
        }
        return {NUMBERS[key]: _with_nan(values) for key, values in numbers.items()}


class AccuracyMetric(Metric[float]):
    """The share of images whose type is right, as a number of its own at the top of metrics.json."""

    key = "accuracy"
    value_type = float

    def measure(self, tested: Tested) -> float | None:
        """That of the image types, or of several types together; None for a run without image types."""
        if tested.provides.several_types:
            return several_types_measures(tested).accuracy
        return image_type_measures(tested).accuracy if tested.provides.image_types else None

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """Where its interval is."""
        del truth
        return {"accuracy": "that of image_types or several_types, whose intervals are beside it"}

    def tables(self, value: float, definitions: Mapping[str, str]) -> Iterator[Table]:
        """None: the tables of the image types show it."""
        del value, definitions
        return iter(())


ACCURACY = AccuracyMetric()
IMAGE_TYPES = ImageTypeMetric()
NUMBERS = {
    "accuracy": "type accuracy",
    "balanced_accuracy": "balanced type accuracy",
    "geometric_mean": "geometric mean of recalls",
    "macro_f1": "macro F1 of types",
    "auroc": "AUROC of good against defective",
}


def image_type_measures(tested: Tested) -> ImageTypeMeasures:
    """Every number of the types of images, with intervals by the resamples of `tested`."""
    names = tested.truth.names()
    truth, probabilities, draws = _tested_types(tested)
    predicted = probabilities.argmax(axis=1)
    count, images = 1 + len(names), len(truth)
    once = np.ones((1, images), np.int64)
    matrix = confusions(truth, predicted, count, once)[0]
    measures = type_measures(matrix)
    right = int(np.trace(matrix))
    defective, defect = truth != GOOD_INDEX, 1 - probabilities[:, GOOD_INDEX]
    bins = calibration_bins(probabilities.max(axis=1), predicted == truth)
    resampled = [type_measures(one) for one in confusions(truth, predicted, count, draws)]
    return ImageTypeMeasures(
        images=images,
        right=right,
        accuracy=ratio(right, images),
        **msgspec.structs.asdict(measures),
        auroc=auroc(defect, defective, once[0]),
        intervals={
            "accuracy": binomial_interval(right, images),
            **{name: _interval(resampled, name) for name in TypeMeasures.__struct_fields__},
            "auroc": _percentiles([auroc(defect, defective, draw) for draw in draws]),
        },
        types=[_type_scores(name, matrix, k) for k, name in enumerate(type_names(names.values()))],
        names=type_names(names.values()),
        matrix=matrix.tolist(),
        calibration_error=calibration_error(bins),
        calibration=bins,
    )


def _tested_types(
    tested: Tested,
) -> tuple["NDArray[np.intp]", "NDArray[np.float64]", "NDArray[np.int64]"]:
    """The type of each image that has one, the probabilities of its types (images x types), and the draws."""
    images, truth = types_of_images(tested.truth)
    probabilities = type_probabilities(images, list(tested.truth.names()), tested.predictions)
    position = {image.id: i for i, image in enumerate(tested.truth.images)}
    return truth, probabilities, tested.draws[:, [position[image.id] for image in images]]


def _type_scores(name: str, matrix: "NDArray[np.int64]", k: int) -> TypeScores:
    images, predicted, right = int(matrix[k].sum()), int(matrix[:, k].sum()), int(matrix[k, k])
    return TypeScores(
        name=name,
        images=images,
        predicted=predicted,
        right=right,
        precision=ratio(right, predicted),
        recall=ratio(right, images),
        precision_interval=binomial_interval(right, predicted),
        recall_interval=binomial_interval(right, images),
    )


def _interval(resampled: list[TypeMeasures], name: str) -> Interval | None:
    return _percentiles([getattr(one, name) for one in resampled])


def _percentiles(values: list[float | None]) -> Interval | None:
    return percentile_interval(_with_nan(values))


def _with_nan(values: list[float | None]) -> "NDArray[np.float64]":
    return np.asarray([np.nan if v is None else v for v in values], np.float64)


def _row(one: TypeScores) -> list[str]:
    return [
        one.name, str(one.images), str(one.predicted), str(one.right), value_cell(one.precision),
        interval_cell(one.precision_interval), value_cell(one.recall), interval_cell(one.recall_interval),
    ]  # fmt: skip
