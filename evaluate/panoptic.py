"""Panoptic quality of instance masks: the quality of segmentation times the quality of recognition.

Source: Kirillov et al., Panoptic Segmentation, CVPR 2019.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Annotation, CocoFile, Image, Prediction
from datasets.masks.rle import decode
from evaluate.bootstrap import percentile_interval
from evaluate.cells import INTERVAL_ROW, Table, interval_cell, value_cell
from evaluate.metric import Metric, Tested
from evaluate.pixels import ignored_pixels
from evaluate.truth import has_masks
from evaluate.values import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

MATCH_IOU = 0.5  # above it: no two segments can both meet one, because segments do not overlap
IOU_SUM, FOUND, FALSE, MISSED = range(4)


class TypePanoptic(msgspec.Struct, frozen=True):
    """Panoptic quality of one defect type: `pq` = `sq` x `rq`, and the counts of segments behind it."""

    pq: float | None
    sq: float | None
    rq: float | None
    found: int
    false: int
    missed: int


class PanopticMeasures(msgspec.Struct, frozen=True):
    """Means over the types that are annotated or predicted; `intervals` holds pq."""

    pq: float | None
    sq: float | None
    rq: float | None
    per_type: dict[str, TypePanoptic]
    intervals: dict[str, Interval | None]


class PanopticMetric(Metric[PanopticMeasures]):
    """Panoptic quality of the predictions that count."""

    key = "panoptic"
    value_type = PanopticMeasures

    def measure(self, tested: Tested) -> PanopticMeasures | None:
        """None if one side has no masks."""
        if not tested.provides.masks or not has_masks(tested.truth):
            return None
        return panoptic_measures(tested.truth, tested.counted, tested.draws)

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """The rule of the paper, and how overlaps are resolved."""
        del truth
        return {
            "panoptic": "panoptic quality (Kirillov et al. 2019) of the predictions at the operating point: each"
            " pixel belongs to the prediction with the highest score and to the smallest annotation; segments of"
            f" one type meet at an IoU above {MATCH_IOU}; PQ = SQ x RQ, where SQ is the mean IoU of those that"
            " meet and RQ their F1; mean over the types that are annotated or predicted"
        }

    def tables(self, value: PanopticMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """A row for the mean and one for each type."""
        rows = [
            ["mean of types", *map(value_cell, (value.pq, value.sq, value.rq)), "", "", ""],
            [INTERVAL_ROW, interval_cell(value.intervals["pq"]), "", "", "", "", ""],
        ]
        rows += [
            [name, *map(value_cell, (t.pq, t.sq, t.rq)), str(t.found), str(t.false), str(t.missed)]
            for name, t in value.per_type.items()
        ]
        columns = ("", "PQ", "SQ", "RQ", "found", "false", "missed")
        yield Table("Panoptic quality", columns, rows, definitions["panoptic"])

    def fold_numbers(self, value: PanopticMeasures) -> dict[str, float | None]:
        """The means over types."""
        return {"PQ": value.pq, "SQ": value.sq, "RQ": value.rq}

    def resampled(self, tested: Tested) -> "dict[str, NDArray[np.float64]]":
        """The means over types."""
        if not tested.provides.masks or not has_masks(tested.truth):
            return {}
        means = _resampled_means(_sums_of_images(tested.truth, tested.counted), tested.draws)
        return dict(zip(("PQ", "SQ", "RQ"), means.T, strict=True))


PANOPTIC = PanopticMetric()


def panoptic_measures(
    truth: CocoFile, counted: Sequence[Prediction], draws: "NDArray[np.int64]"
) -> PanopticMeasures:
    """Panoptic quality of the predictions that reach the operating point; all annotations must have masks."""
    sums = _sums_of_images(truth, counted)
    qualities = _qualities(sums.sum(axis=0))
    counts = sums.sum(axis=0)[:, FOUND:].astype(int).tolist()
    per_type = {
        name: TypePanoptic(_known(pq), _known(sq), _known(rq), *count)
        for name, (pq, sq, rq), count in zip(truth.names().values(), qualities, counts, strict=True)
    }
    means = [_known(value) for value in _mean_of_types(qualities)]
    resampled = _resampled_means(sums, draws)[:, 0]
    return PanopticMeasures(means[0], means[1], means[2], per_type, {"pq": percentile_interval(resampled)})


def segment_sums(
    predicted: "NDArray[np.int32]",
    annotated: "NDArray[np.int32]",
    types: Sequence[Sequence[int]],
    type_count: int,
    ignored: "NDArray[np.bool_] | None" = None,
) -> "NDArray[np.float64]":
    """IoU sum, found, false and missed segments of one image: type_count x 4.

    `predicted` and `annotated` are H x W segment numbers from 1, 0 for background; `types` are the types (from 0)
    of the predicted and of the annotated segments, in the order of their numbers. Pixels in `ignored`, H x W,
    are left out; a segment of which more than half is there is not false, and a segment without a pixel does not
    count.
    """
    excused = np.zeros(len(types[0]), bool)
    if ignored is not None:
        pixels = [np.bincount(p.ravel(), minlength=len(excused) + 1)[1:] for p in (predicted, predicted[ignored])]
        excused = 2 * pixels[1] > pixels[0]
        predicted, annotated = predicted[~ignored], annotated[~ignored]
    shape = (len(types[0]) + 1, len(types[1]) + 1)
    pairs = np.ravel(predicted * np.intp(shape[1]) + annotated)
    shared = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    areas = (shared.sum(axis=1)[1:], shared.sum(axis=0)[1:])
    inside = shared[1:, 1:]
    same = np.equal.outer(np.asarray(types[0], int), np.asarray(types[1], int))
    union = np.maximum(np.add.outer(*areas) - inside, 1)
    ious = np.where(same, inside / union, 0)
    matched = ious > MATCH_IOU
    sums = np.zeros((type_count, 4))
    for i, j in np.argwhere(matched).tolist():
        sums[types[0][i], IOU_SUM] += ious[i, j]
        sums[types[0][i], FOUND] += 1
    for side, column, met in ((0, FALSE, matched.any(axis=1) | excused), (1, MISSED, matched.any(axis=0))):
        for number in np.flatnonzero(~met & (areas[side] > 0)).tolist():
            sums[types[side][number], column] += 1
    return sums


def _sums_of_images(truth: CocoFile, counted: Sequence[Prediction]) -> "NDArray[np.float64]":
    """`segment_sums` of each image: images x types x 4."""
    position = {category_id: k for k, category_id in enumerate(truth.names())}
    annotations = truth.by_image()
    predictions: dict[int, list[Prediction]] = {image.id: [] for image in truth.images}
    for p in counted:
        predictions[p.image_id].append(p)
    sums = np.zeros((len(truth.images), len(position), 4))
    for n, image in enumerate(truth.images):
        lowest_first = sorted(predictions[image.id], key=lambda p: -p.score)[::-1]
        single = [a for a in annotations[image.id] if not a.iscrowd]
        largest_first = sorted(single, key=lambda a: -a.area)
        if lowest_first or largest_first:
            types = [[position[s.category_id] for s in side] for side in (lowest_first, largest_first)]
            painted = _paint(image, lowest_first), _paint(image, largest_first)
            ignored = ignored_pixels(image, annotations[image.id])
            sums[n] = segment_sums(*painted, types, len(position), ignored)
    return sums


def _paint(image: Image, segments: Sequence[Annotation | Prediction]) -> "NDArray[np.int32]":
    """H x W segment numbers from 1, later segments on top, 0 for background."""
    canvas = np.zeros((image.height, image.width), np.int32)
    for number, segment in enumerate(segments, 1):
        canvas[decode(segment.segmentation or [], image.height, image.width) > 0] = number
    return canvas


def _qualities(sums: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """PQ, SQ and RQ of (..., types, 4) sums, shape (..., types, 3); nan for a type without a segment."""
    iou, found, false, missed = np.moveaxis(sums, -1, 0)
    segments = found + (false + missed) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        sq = np.where(found > 0, iou / found, 0)
        rq = np.where(segments > 0, found / segments, np.nan)
    return np.stack([sq * rq, np.where(segments > 0, sq, np.nan), rq], axis=-1)


def _mean_of_types(qualities: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Mean over the types that have a segment, nan where none has: (..., types, 3) to (..., 3)."""
    known = ~np.isnan(qualities)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.nansum(qualities, axis=-2) / known.sum(axis=-2)
    return mean


def _resampled_means(sums: "NDArray[np.float64]", draws: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """PQ, SQ and RQ of each resample, resamples x 3, from images x types x 4 sums."""
    return _mean_of_types(_qualities(np.einsum("ri,itk->rtk", draws, sums)))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
