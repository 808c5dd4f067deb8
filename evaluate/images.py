"""Whole images: a defective one without a prediction is missed, a good one with a prediction is a false alarm."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from datasets.coco import CocoFile, Prediction
from evaluate.bootstrap import binomial_interval
from evaluate.cells import Table, interval_cell, rate_cell
from evaluate.matching import without_ignored
from evaluate.metric import Metric, Tested
from evaluate.values import Interval, ratio

CurvePoint = tuple[float, int, int]


class ImageMeasures(msgspec.Struct, frozen=True):
    """Misses among the defective images and false alarms among the good ones, at `score_threshold`.

    `intervals` holds the rates of `missed` and `false_alarms`. `curve` is [threshold, missed, false alarms] for
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


class ImageMetric(Metric[ImageMeasures]):
    """Misses and false alarms of whole images; every run has them."""

    key = "images"
    value_type = ImageMeasures

    def measure(self, tested: Tested) -> ImageMeasures:
        """By the predictions that count."""
        return image_measures(tested.truth, tested.predictions, tested.counted, tested.point.score_threshold)

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """How an image is missed and how it is a false alarm."""
        del truth
        return {
            "images": "score of an image is that of its highest prediction; a defective image below the threshold"
            " is missed, a good one at or above it is a false alarm; exact binomial 95 % intervals of the rates"
        }

    def tables(self, value: ImageMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """A row for misses and one for false alarms."""
        rows = [
            ["missed", str(value.missed), str(value.defective), rate_cell(value.missed, value.defective),
             interval_cell(value.intervals["missed"])],
            ["false alarms", str(value.false_alarms), str(value.good), rate_cell(value.false_alarms, value.good),
             interval_cell(value.intervals["false_alarms"])],
        ]  # fmt: skip
        bounds = [fewest_misses(value.curve, allowed, value.defective) for allowed in (0, 1)]
        bound = f"with a threshold chosen on test itself: {bounds[0]} missed at no false alarm, {bounds[1]} at one"
        columns = ("", "images", "of", "rate", "95 % interval")
        yield Table("Images", columns, rows, f"{definitions['images']}; {bound}")

    def fold_numbers(self, value: ImageMeasures) -> dict[str, float | None]:
        """Both rates."""
        return {
            "missed": ratio(value.missed, value.defective),
            "false alarms": ratio(value.false_alarms, value.good),
        }

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
    truth: CocoFile, predictions: Sequence[Prediction], counted: Sequence[Prediction], threshold: float
) -> ImageMeasures:
    """Misses and false alarms by the predictions `counted` at `threshold`; the curve is that of all."""
    defective = defective_images(truth)
    predicted = {p.image_id for p in without_ignored(truth, counted)}
    scores = image_scores(truth, predictions)
    missed = [i.file_name for i in truth.images if defective[i.id] and i.id not in predicted]
    alarms = [i.file_name for i in truth.images if not defective[i.id] and i.id in predicted]
    bad = sum(defective.values())
    good = len(defective) - bad
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
        },
        curve=miss_alarm_curve([scores[i] for i in defective], list(defective.values())),
    )


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
