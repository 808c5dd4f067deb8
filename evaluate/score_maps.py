"""Measures of a probability per pixel over all thresholds: pixel average precision and AUPRO.

Scores are rounded to 1/65535, so that any number of images is measured in constant memory; ties are one threshold.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import CocoFile
from datasets.masks.rle import decode
from evaluate.cells import Table, value_cell
from evaluate.metric import Metric, ScoreMap, Tested
from evaluate.pixels import ignored_pixels
from evaluate.truth import has_masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 65536
FALSE_POSITIVE_LIMIT = 0.3
Pair = tuple["NDArray[np.floating]", "NDArray[np.integer]"]


class ScoreMapMeasures(msgspec.Struct, frozen=True):
    """Measures of the model's defect score per pixel, over all thresholds."""

    pixel_ap: float | None
    aupro_30: float | None


class ScoreMapMetric(Metric[ScoreMapMeasures]):
    """Measures of score maps, which only the model itself can give."""

    key = "score_maps"
    value_type = ScoreMapMeasures
    from_model = True

    def measure(self, tested: Tested) -> ScoreMapMeasures | None:
        """None without score maps, and where an annotation does not state which pixels it covers."""
        if tested.score_map is None or not tested.provides.score_maps or not has_masks(tested.truth):
            return None
        return score_map_measures(tested.truth, tested.score_map)

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """Over all thresholds, each annotation with the same weight."""
        del truth
        return {
            "score_maps": "probability of a defect per pixel over all thresholds; AUPRO up to a false positive"
            " rate of 0.3, each annotation with the same weight"
        }

    def tables(self, value: ScoreMapMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """One row for each measure."""
        rows = [[name, value_cell(number)] for name, number in self.fold_numbers(value).items()]
        yield Table("Score maps", ("", "value"), rows, definitions["score_maps"])

    def fold_numbers(self, value: ScoreMapMeasures) -> dict[str, float | None]:
        """Both measures."""
        return {"pixel AP": value.pixel_ap, "AUPRO at 0.3": value.aupro_30}


SCORE_MAPS = ScoreMapMetric()


class Histograms(msgspec.Struct, frozen=True):
    """How many pixels have each score level: of defects, of the rest, and of each component as a part of it."""

    defect: "NDArray[np.float64]"
    good: "NDArray[np.float64]"
    overlap: "NDArray[np.float64]"
    components: int


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
    """Average precision of pixels: sum over thresholds of (gain in recall) x precision, without interpolation.

    None without a defect pixel. As sklearn.metrics.average_precision_score.
    """
    if not counted.components:
        return None
    hits, alarms = _from_the_top(counted.defect), _from_the_top(counted.good)
    precision = np.divide(hits, hits + alarms, out=np.zeros(LEVELS), where=hits + alarms > 0)
    return float(np.sum(counted.defect[::-1] * precision) / hits[-1])


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


def score_map_measures(truth: CocoFile, score_map: ScoreMap) -> ScoreMapMeasures:
    """Both measures over the images of `truth`; each score map is computed once."""
    counted = histograms(_pairs(truth, score_map))
    return ScoreMapMeasures(pixel_ap=pixel_average_precision(counted), aupro_30=aupro(counted))


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
