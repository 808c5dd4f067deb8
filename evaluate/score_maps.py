"""Measures of a defect score per pixel over all thresholds: pixel AUROC, average precision, F1 and AUPRO.

Scores are rounded to 1/65535, so that any number of images is measured in constant memory; ties are one threshold.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import CocoFile
from datasets.masks.rle import decode
from evaluate.bootstrap import percentile_interval
from evaluate.cells import INTERVAL_ROW, Table, interval_cell, value_cell
from evaluate.coarse_levels import LEVELS, CoarseHistograms, Histograms
from evaluate.metric import Metric, ScoreMap, Tested
from evaluate.pixels import ignored_pixels
from evaluate.ranking import precision_measures
from evaluate.truth import has_masks
from evaluate.values import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

FALSE_POSITIVE_LIMIT = 0.3
STRICT_LIMIT = 0.05
NAMES = {
    "pixel_ap": "pixel AP",
    "aupro_30": "AUPRO at 0.3",
    "pixel_auroc": "pixel AUROC",
    "pixel_f1_max": "highest pixel F1",
    "aupro_05": "AUPRO at 0.05",
}
Pair = tuple["NDArray[np.floating]", "NDArray[np.integer]"]


class ScoreMapMeasures(msgspec.Struct, frozen=True):
    """Measures of the model's defect score per pixel, over all thresholds; `intervals` of each by its name."""

    pixel_ap: float | None
    aupro_30: float | None
    pixel_auroc: float | None = None
    pixel_f1_max: float | None = None
    aupro_05: float | None = None
    intervals: dict[str, Interval | None] = {}


class ScoreMapMetric(Metric[ScoreMapMeasures]):
    """Measures of score maps, which only the model itself can give."""

    key = "score_maps"
    value_type = ScoreMapMeasures
    from_model = True

    def measure(self, tested: Tested) -> ScoreMapMeasures | None:
        """None without score maps, and where an annotation does not state which pixels it covers."""
        if tested.score_map is None or not tested.provides.score_maps or not has_masks(tested.truth):
            return None
        return score_map_measures(tested.truth, tested.score_map, tested.draws)

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """Over all thresholds, each annotation with the same weight."""
        del truth
        return {
            "score_maps": "defect score per pixel over all thresholds; AUPRO up to a false positive rate of 0.3"
            " and of 0.05, each annotation with the same weight; bootstrap intervals over images"
        }

    def tables(self, value: ScoreMapMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """One row for each measure."""
        rows = [
            [NAMES[key], value_cell(getattr(value, key)), interval_cell(value.intervals.get(key))] for key in NAMES
        ]
        yield Table("Score maps", ("", "value", INTERVAL_ROW), rows, definitions["score_maps"])

    def fold_numbers(self, value: ScoreMapMeasures) -> dict[str, float | None]:
        """All measures."""
        return {name: getattr(value, key) for key, name in NAMES.items()}


SCORE_MAPS = ScoreMapMetric()


def histograms(maps: "Iterable[Pair]") -> Histograms:
    """What all measures need, in one pass over H x W scores in 0..1 with H x W component numbers.

    Numbers count from 1; 0 is outside any component, and pixels with a negative number are left out.
    """
    defect, good, overlap = np.zeros(LEVELS), np.zeros(LEVELS), np.zeros(LEVELS)
    components = 0
    for scores, truth in maps:
        levels = np.rint(np.clip(scores, 0, 1).ravel() * np.float64(LEVELS - 1)).astype(np.intp)
        numbers = truth.ravel()
        levels, numbers = levels[numbers >= 0], numbers[numbers >= 0]
        inside = numbers > 0
        sizes = np.bincount(numbers)
        defect += np.bincount(levels[inside], minlength=LEVELS)
        good += np.bincount(levels[~inside], minlength=LEVELS)
        overlap += np.bincount(levels[inside], weights=1 / sizes[numbers[inside]], minlength=LEVELS)
        components += int(np.count_nonzero(sizes[1:]))
    return Histograms(defect, good, overlap, components)


def pixel_average_precision(counted: Histograms) -> float | None:
    """Average precision of pixels, as sklearn.metrics.average_precision_score; None without a defect pixel."""
    return precision_measures(counted.defect, counted.good)[0] if counted.components else None


def pixel_f1_max(counted: Histograms) -> float | None:
    """The highest F1 of pixels over all thresholds; None without a defect pixel."""
    return precision_measures(counted.defect, counted.good)[1] if counted.components else None


def pixel_auroc(counted: Histograms) -> float | None:
    """Share of the pairs (defect pixel, other pixel) in which the defect scores higher, ties count half.

    None without either.
    """
    defect, good = counted.defect.sum(), counted.good.sum()
    if not defect or not good:
        return None
    below = np.cumsum(counted.good) - counted.good
    return float(np.sum(counted.defect * (below + counted.good / 2)) / (defect * good))


def aupro(counted: Histograms, limit: float = FALSE_POSITIVE_LIMIT) -> float | None:
    """Area under the per-region overlap curve up to a false positive rate of `limit`, divided by `limit`.

    The overlap is the mean over all components of the part found, so that small defects weigh as much as large
    ones; the false positive rate is that of all pixels outside any component. None without a component or without
    a pixel outside. Source: Bergmann et al., The MVTec Anomaly Detection Dataset, IJCV 2021.
    """
    if not counted.components or not counted.good.any():
        return None
    overlap = np.concatenate([[0.0], _from_the_top(counted.overlap) / counted.components])
    alarms = np.concatenate([[0.0], _from_the_top(counted.good) / counted.good.sum()])
    below = alarms <= limit
    x = np.append(alarms[below], limit)
    y = np.append(overlap[below], np.interp(limit, alarms, overlap))
    return float(np.trapezoid(y, x) / limit)


def score_map_measures(
    truth: CocoFile, score_map: ScoreMap, draws: "NDArray[np.int64] | None" = None
) -> ScoreMapMeasures:
    """All measures over the images of `truth`; each score map is computed once.

    `draws` is how often each image counts in each bootstrap resample (resamples x images); without it there are no
    intervals. These use fewer levels, see evaluate/coarse_levels.py.
    """
    coarse = CoarseHistograms()
    whole = Histograms(np.zeros(LEVELS), np.zeros(LEVELS), np.zeros(LEVELS), 0)
    for pair in _pairs(truth, score_map):
        one = histograms([pair])
        if draws is not None:
            coarse.add(one)
        whole += one
    images = coarse.images()
    intervals = _intervals(images, draws) if draws is not None and images else {}
    return ScoreMapMeasures(**_measures(whole), intervals=intervals)


def _measures(counted: Histograms) -> dict[str, float | None]:
    return {
        "pixel_ap": pixel_average_precision(counted),
        "aupro_30": aupro(counted),
        "pixel_auroc": pixel_auroc(counted),
        "pixel_f1_max": pixel_f1_max(counted),
        "aupro_05": aupro(counted, STRICT_LIMIT),
    }


def _intervals(each: "list[Histograms]", draws: "NDArray[np.int64]") -> dict[str, Interval | None]:
    defect, good, overlap = (
        draws @ np.stack([getattr(one, name) for one in each]) for name in ("defect", "good", "overlap")
    )
    components = draws @ np.array([one.components for one in each])
    resampled = [
        _measures(Histograms(*parts)) for parts in zip(defect, good, overlap, components.tolist(), strict=True)
    ]
    return {
        key: percentile_interval(np.array([np.nan if r[key] is None else r[key] for r in resampled], float))
        for key in NAMES
    }


def _pairs(truth: CocoFile, score_map: ScoreMap) -> Iterator[Pair]:
    annotations = truth.by_image()
    for image in truth.images:
        single = [a for a in annotations[image.id] if not a.iscrowd]
        numbers = -ignored_pixels(image, annotations[image.id]).astype(np.int32)
        for number, a in enumerate(sorted(single, key=lambda a: -a.area), 1):
            numbers[decode(a.segmentation, image.height, image.width) > 0] = number
        yield score_map(image), numbers


def _from_the_top(histogram: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """The sum at or above each level, from the highest level down."""
    return np.cumsum(histogram[::-1])
