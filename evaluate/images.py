"""Whole images: a defective one without a prediction is missed, a good one with a prediction is a false alarm."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import CocoFile, Prediction
from evaluate.bootstrap import binomial_interval, percentile_interval
from evaluate.cells import Table, interval_cell, rate_cell, value_cell
from evaluate.matching import without_ignored
from evaluate.metric import Metric, Tested
from evaluate.ranking import ranking
from evaluate.type_of_image import image_answers
from evaluate.values import Interval, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

CurvePoint = tuple[float, int, int]


class TypeImages(msgspec.Struct, frozen=True):
    """The images of one defect type, and how many of them are missed."""

    images: int
    missed: int


class ImageMeasures(msgspec.Struct, frozen=True):
    """Misses among the defective images and false alarms among the good ones, at `score_threshold`.

    `auroc`, `average_precision` and `f1_max` are over all thresholds (evaluate.ranking), `per_type` counts misses
    by the types of an image. `intervals` holds the rates of `missed` and `false_alarms`, and the measures over all
    thresholds. `curve` is [threshold, missed, false alarms] for
    every image score above 0 as threshold, in rising order.
    """

    score_threshold: float
    defective: int
    missed: int
    good: int
    false_alarms: int
    missed_names: list[str]
    false_alarm_names: list[str]
    intervals: dict[str, Interval | None]
    curve: list[CurvePoint]
    auroc: float | None = None
    average_precision: float | None = None
    f1_max: float | None = None
    per_type: dict[str, TypeImages] = {}


class ImageMetric(Metric[ImageMeasures]):
    """Misses and false alarms of whole images; every run has them."""

    key = "images"
    value_type = ImageMeasures
    lower_is_better = frozenset({"missed", "false alarms"})

    def measure(self, tested: Tested) -> ImageMeasures:
        """By the predictions that count."""
        return image_measures(
            tested.truth,
            image_answers(tested.predictions, tested.provides),
            tested.counted,
            tested.point.score_threshold,
            types=tested.types,
            draws=tested.draws,
        )

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """How an image is missed and how it is a false alarm."""
        del truth
        return {
            "images": "score of an image is that of its highest prediction, or the sum of the probabilities of the"
            " types where a run gives each image one type; a defective image below the threshold"
            " is missed, a good one at or above it is a false alarm; exact binomial 95 % intervals of the rates;"
            " AUROC, average precision and the highest F1 over all thresholds, bootstrap intervals"
        }

    def tables(self, value: ImageMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """A row for misses and one for false alarms."""
        rows = [
            ["missed", str(value.missed), str(value.defective), rate_cell(value.missed, value.defective),
             interval_cell(value.intervals["missed"])],
            ["false alarms", str(value.false_alarms), str(value.good), rate_cell(value.false_alarms, value.good),
             interval_cell(value.intervals["false_alarms"])],
        ]  # fmt: skip
        rows += [
            [f"missed of {name}", str(of.missed), str(of.images), rate_cell(of.missed, of.images), ""]
            for name, of in value.per_type.items()
            if len(value.per_type) > 1
        ]
        rows += [
            [name, "", "", value_cell(number), interval_cell(value.intervals.get(key))]
            for key, name, number in (
                ("auroc", "AUROC", value.auroc),
                ("average_precision", "average precision", value.average_precision),
                ("f1_max", "highest F1", value.f1_max),
            )
        ]
        bounds = [fewest_misses(value.curve, allowed, value.defective) for allowed in (0, 1)]
        bound = f"with a threshold chosen on test itself: {bounds[0]} missed at no false alarm, {bounds[1]} at one"
        columns = ("", "images", "of", "rate", "95 % interval")
        yield Table("Images", columns, rows, f"{definitions['images']}; {bound}")

    def fold_numbers(self, value: ImageMeasures) -> dict[str, float | None]:
        """Both rates."""
        return {
            "missed": ratio(value.missed, value.defective),
            "false alarms": ratio(value.false_alarms, value.good),
            "image AUROC": value.auroc,
        }

    def resampled(self, tested: Tested) -> "dict[str, NDArray[np.float64]]":
        """Both rates."""
        predicted = {p.image_id for p in without_ignored(tested.truth, tested.counted)}
        defective = np.array(list(defective_images(tested.truth).values()), bool)
        alarmed = np.array([image.id in predicted for image in tested.truth.images], bool)
        draws = tested.draws
        with np.errstate(invalid="ignore"):
            missed = (draws @ (defective & ~alarmed)) / (draws @ defective)
            alarms = (draws @ (~defective & alarmed)) / (draws @ ~defective)
        return {"missed": missed, "false alarms": alarms}

    def image_lists(self, value: ImageMeasures) -> dict[str, list[str]]:
        """The images with an error."""
        return {"Missed": value.missed_names, "False alarms": value.false_alarm_names}


IMAGES = ImageMetric()


def image_scores(truth: CocoFile, predictions: Sequence[Prediction]) -> dict[int, float]:
    """Highest score of each image id among the predictions outside ignore regions, 0 where there is none."""
    scores = {image.id: 0.0 for image in truth.images}
    for p in without_ignored(truth, predictions):
        scores[p.image_id] = max(scores[p.image_id], p.score)
    return scores


def defective_images(truth: CocoFile) -> dict[int, bool]:
    """Whether each image id is defective.

    An image with only ignore regions is not: outside of them a prediction on it is a false alarm.
    """
    defective = truth.defective()
    return {image.id: image.id in defective for image in truth.images}


def image_measures(
    truth: CocoFile,
    predictions: Sequence[Prediction],
    counted: Sequence[Prediction],
    threshold: float,
    *,
    types: Mapping[int, str] | None = None,
    draws: "NDArray[np.int64] | None" = None,
) -> ImageMeasures:
    """Misses and false alarms by the predictions `counted` at `threshold`; the curve is that of all.

    `types` are the defect types of each defective image id, `draws` the bootstrap (resamples x images), without
    which the measures over all thresholds have no interval.
    """
    defective = defective_images(truth)
    predicted = {p.image_id for p in without_ignored(truth, counted)}
    scores = image_scores(truth, predictions)
    missed = [i.file_name for i in truth.images if defective[i.id] and i.id not in predicted]
    alarms = [i.file_name for i in truth.images if not defective[i.id] and i.id in predicted]
    bad = sum(defective.values())
    good = len(defective) - bad
    ranked = np.array([scores[i] for i in defective])
    is_bad = np.array(list(defective.values()), bool)
    whole = ranking(ranked, is_bad)
    return ImageMeasures(
        score_threshold=threshold,
        defective=bad,
        missed=len(missed),
        good=good,
        false_alarms=len(alarms),
        missed_names=missed,
        false_alarm_names=alarms,
        intervals={
            "missed": binomial_interval(len(missed), bad),
            "false_alarms": binomial_interval(len(alarms), good),
            **({} if draws is None else _intervals(ranked, is_bad, draws)),
        },
        curve=miss_alarm_curve([scores[i] for i in defective], list(defective.values())),
        auroc=whole.auroc,
        average_precision=whole.average_precision,
        f1_max=whole.f1_max,
        per_type=_per_type({i for i in defective if defective[i]}, predicted, types or {}),
    )


def _per_type(defective: set[int], predicted: set[int], types: Mapping[int, str]) -> dict[str, TypeImages]:
    names = sorted({types[i] for i in defective if i in types})
    members = {name: {i for i in defective if types.get(i) == name} for name in names}
    return {name: TypeImages(len(images), len(images - predicted)) for name, images in members.items()}


def _intervals(
    scores: "NDArray[np.float64]", defective: "NDArray[np.bool_]", draws: "NDArray[np.int64]"
) -> dict[str, Interval | None]:
    resampled = [ranking(scores, defective, draw) for draw in draws]
    return {
        "auroc": percentile_interval(_known([r.auroc for r in resampled])),
        "average_precision": percentile_interval(_known([r.average_precision for r in resampled])),
        "f1_max": percentile_interval(_known([r.f1_max for r in resampled])),
    }


def _known(values: Sequence[float | None]) -> "NDArray[np.float64]":
    return np.array([np.nan if value is None else value for value in values])


def miss_alarm_curve(scores: Sequence[float], defective: Sequence[bool]) -> list[CurvePoint]:
    """(threshold, misses, false alarms) for each image score above 0 as threshold, in rising order."""
    bad = sorted(s for s, d in zip(scores, defective, strict=True) if d)
    good = sorted(s for s, d in zip(scores, defective, strict=True) if not d)
    levels = sorted({s for s in scores if s > 0})
    return [(level, bisect_left(bad, level), len(good) - bisect_left(good, level)) for level in levels]


def fewest_misses(curve: Sequence[CurvePoint], false_alarms: int, defective: int) -> int:
    """Misses at the threshold that is best on these very images and raises at most `false_alarms`.

    This is a bound for thresholds chosen on other images, not a result.
    """
    return min((missed for _, missed, alarms in curve if alarms <= false_alarms), default=defective)
