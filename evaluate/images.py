"""Images as the line sees them: defective ones with nothing found are misses, good ones with something alarms."""

from bisect import bisect_left
from collections.abc import Sequence

from datasets.coco import CocoFile, Prediction
from evaluate.bootstrap import binomial_interval
from evaluate.metrics import CurvePoint, ImageMeasures


def image_scores(truth: CocoFile, predictions: Sequence[Prediction]) -> dict[int, float]:
    """Highest prediction score of each image id, 0 where there is none."""
    scores = {image.id: 0.0 for image in truth.images}
    for p in predictions:
        scores[p.image_id] = max(scores[p.image_id], p.score)
    return scores


def defective_images(truth: CocoFile) -> dict[int, bool]:
    """Whether each image id has an annotation."""
    with_annotation = {a.image_id for a in truth.annotations}
    return {image.id: image.id in with_annotation for image in truth.images}


def image_measures(
    truth: CocoFile, predictions: Sequence[Prediction], counted: Sequence[Prediction], threshold: float
) -> ImageMeasures:
    """Misses and false alarms by the predictions `counted` at `threshold`; the curve is that of all."""
    defective = defective_images(truth)
    found = {p.image_id for p in counted}
    scores = image_scores(truth, predictions)
    missed = [i.file_name for i in truth.images if defective[i.id] and i.id not in found]
    alarms = [i.file_name for i in truth.images if not defective[i.id] and i.id in found]
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

    A bound for what a threshold chosen elsewhere can reach, not a result.
    """
    return min((missed for _, missed, alarms in curve if alarms <= false_alarms), default=defective)
