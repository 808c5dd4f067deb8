"""Pixels of the predictions at the operating point against pixels of the annotations.

Where masks overlap, a pixel belongs to the prediction with the higher score and to the smaller annotation. All
measures are pooled: pixels are counted over the whole split, then divided once. A good image without a prediction
therefore adds nothing, and false alarms on negatives count with their pixels.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Annotation, CocoFile, Image, Prediction
from datasets.masks.component import mask_to_component
from datasets.masks.paint import paint
from datasets.masks.rle import decode
from evaluate.bootstrap import percentile_interval
from evaluate.boundary import TOLERANCE, Boundary, boundary_counts, boundary_f, tolerance_pixels
from evaluate.cells import INTERVAL_ROW, Table, interval_cell, value_cell
from evaluate.metric import Metric, Tested
from evaluate.truth import has_masks
from evaluate.values import Interval, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


class DefectPixels(msgspec.Struct, frozen=True):
    """Defect of any type against background, pooled over all pixels of the split."""

    iou: float | None
    dice: float | None
    precision: float | None
    recall: float | None


class TypePixels(msgspec.Struct, frozen=True):
    """One defect type against everything else, pooled over all pixels of the split."""

    iou: float | None
    dice: float | None


class PixelMeasures(msgspec.Struct, frozen=True):
    """Pixels painted by the predictions at the operating point; `intervals` holds dice and iou of the defect."""

    defect: DefectPixels
    per_type: dict[str, TypePixels]
    mean_iou_of_types: float | None
    boundary: Boundary
    intervals: dict[str, Interval | None]


class PixelMetric(Metric[PixelMeasures]):
    """Pixels of predicted masks against those of annotated masks, with the outlines of both."""

    key = "pixels"
    value_type = PixelMeasures

    def measure(self, tested: Tested) -> PixelMeasures | None:
        """By the predictions that count; None if one side has no masks."""
        if not tested.provides.masks or not has_masks(tested.truth):
            return None
        return pixel_measures(tested.truth, tested.counted, tested.draws)

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """How masks are painted, and the distance up to which outlines agree in these images."""
        reach = sorted({round(tolerance_pixels(i.height, i.width), 1) for i in truth.images})
        pixels = f"{reach[0]:g}" if len(reach) == 1 else f"{reach[0]:g} to {reach[-1]:g}"
        return {
            "pixels": "predictions at the operating point painted, the higher score on top, against annotations"
            " painted, the smaller on top; pixels counted over all images, then divided once; a defect type"
            " without annotation has no value and is left out of the mean",
            "boundary": f"outline pixels of the defect within {TOLERANCE:.2%} of the image diagonal ({pixels}"
            " pixels), counted over all images",
        }

    def tables(self, value: PixelMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """A row for the defect, one for each type and one for outlines."""
        defect, edge = value.defect, value.boundary
        rows = [
            ["defect", *map(value_cell, (defect.iou, defect.dice, defect.precision, defect.recall))],
            [INTERVAL_ROW, interval_cell(value.intervals["iou"]), interval_cell(value.intervals["dice"]), "", ""],
        ]
        rows += [[name, value_cell(t.iou), value_cell(t.dice), "", ""] for name, t in value.per_type.items()]
        rows.append(["mean of types", value_cell(value.mean_iou_of_types), "", "", ""])
        rows.append(["boundary (F as Dice)", "", *map(value_cell, (edge.f, edge.precision, edge.recall))])
        note = f"{definitions['pixels']}. Boundary: {definitions['boundary']}"
        yield Table("Pixels", ("", "IoU", "Dice", "precision", "recall"), rows, note)

    def fold_numbers(self, value: PixelMeasures) -> dict[str, float | None]:
        """The numbers of all types together."""
        return {
            "defect IoU": value.defect.iou,
            "defect Dice": value.defect.dice,
            "mean IoU of types": value.mean_iou_of_types,
            "boundary F": value.boundary.f,
        }

    def resampled(self, tested: Tested) -> "dict[str, NDArray[np.float64]]":
        """IoU and Dice of the defect, and the mean IoU of types."""
        if not tested.provides.masks or not has_masks(tested.truth):
            return {}
        counts, _ = _count(tested.truth, tested.counted)
        iou, dice = _resampled_overlap(counts, tested.draws)
        return {"defect IoU": iou, "defect Dice": dice, "mean IoU of types": _resampled_mean(counts, tested.draws)}


PIXELS = PixelMetric()


def paint_annotations(
    image: Image, annotations: Iterable[Annotation], indices: Mapping[int, int]
) -> "NDArray[np.uint8]":
    """H x W index map of the truth: 0 background, else `indices` of the category id; the smaller mask on top.

    Ignore regions are not painted.
    """
    single = [a for a in annotations if not a.iscrowd]
    masks = [(indices[a.category_id], decode(a.segmentation, image.height, image.width) > 0) for a in single]
    canvas, _ = paint(image.height, image.width, [(k, mask_to_component(mask)) for k, mask in masks if mask.any()])
    return canvas


def ignored_pixels(image: Image, annotations: Iterable[Annotation]) -> "NDArray[np.bool_]":
    """H x W: the pixels of ignore regions that belong to no other annotation; no pixel measure counts them."""
    ignored, annotated = np.zeros((2, image.height, image.width), bool)
    for a in annotations:
        target = ignored if a.iscrowd else annotated
        target |= decode(a.segmentation, image.height, image.width) > 0
    return ignored & ~annotated


def paint_predictions(
    image: Image, predictions: Sequence[Prediction], indices: Mapping[int, int]
) -> "NDArray[np.uint8]":
    """H x W index map of predictions: the higher score on top; of equal scores the first in the file."""
    canvas = np.zeros((image.height, image.width), np.uint8)
    best_first = sorted(predictions, key=lambda p: -p.score)
    for p in reversed(best_first):
        canvas[decode(p.segmentation or [], image.height, image.width) > 0] = indices[p.category_id]
    return canvas


def type_indices(truth: CocoFile) -> dict[int, int]:
    """Index in a pixel map of each category id: 1, 2, ... in id order."""
    return {category_id: k for k, category_id in enumerate(truth.names(), 1)}


def pixel_measures(truth: CocoFile, counted: Sequence[Prediction], draws: "NDArray[np.int64]") -> PixelMeasures:
    """Pixel measures of the predictions that reach the operating point; all annotations must carry their masks."""
    counts, boundaries = _count(truth, counted)
    pooled = counts.sum(axis=0)
    per_type = {name: _type_pixels(pooled, k) for k, name in enumerate(truth.names().values(), 1)}
    known = [measure.iou for measure in per_type.values() if measure.iou is not None]
    return PixelMeasures(
        defect=_defect_pixels(pooled),
        per_type=per_type,
        mean_iou_of_types=float(np.mean(known)) if known else None,
        boundary=boundary_f(boundaries.sum(axis=0)),
        intervals=_intervals(counts, draws),
    )


def _count(truth: CocoFile, predictions: Sequence[Prediction]) -> tuple["NDArray[np.int64]", "NDArray[np.int64]"]:
    """Per image: pixels of type i painted as type j, images x (types + 1) x (types + 1), and boundary counts."""
    indices = type_indices(truth)
    size = len(indices) + 1
    annotations = truth.by_image()
    of_image: dict[int, list[Prediction]] = {image.id: [] for image in truth.images}
    for p in predictions:
        of_image[p.image_id].append(p)
    counts = np.zeros((len(truth.images), size, size), np.int64)
    boundaries = np.zeros((len(truth.images), 4), np.int64)
    for n, image in enumerate(truth.images):
        if not annotations[image.id] and not of_image[image.id]:
            counts[n, 0, 0] = image.height * image.width
            continue
        real = paint_annotations(image, annotations[image.id], indices)
        painted = paint_predictions(image, of_image[image.id], indices)
        ignored = ignored_pixels(image, annotations[image.id])
        pairs = (real * np.intp(size) + painted)[~ignored]
        counts[n] = np.bincount(pairs, minlength=size**2).reshape(size, size)
        boundaries[n] = boundary_counts(real > 0, painted > 0, ignored=ignored)
    return counts, boundaries


def _overlap(counts: "NDArray[np.int64]") -> tuple["NDArray[np.int64]", ...]:
    """True positive, false positive and false negative defect pixels of (..., types + 1, types + 1) counts."""
    return counts[..., 1:, 1:].sum(axis=(-2, -1)), counts[..., 0, 1:].sum(axis=-1), counts[..., 1:, 0].sum(axis=-1)


def _defect_pixels(pooled: "NDArray[np.int64]") -> DefectPixels:
    tp, fp, fn = (int(v) for v in _overlap(pooled))
    precision = ratio(tp, tp + fp)
    if tp + fn == 0:
        return DefectPixels(None, None, precision, None)
    return DefectPixels(ratio(tp, tp + fp + fn), ratio(2 * tp, 2 * tp + fp + fn), precision, ratio(tp, tp + fn))


def _type_pixels(pooled: "NDArray[np.int64]", k: int) -> TypePixels:
    tp, real, painted = int(pooled[k, k]), int(pooled[k].sum()), int(pooled[:, k].sum())
    if real == 0:
        return TypePixels(None, None)
    return TypePixels(ratio(tp, real + painted - tp), ratio(2 * tp, real + painted))


def _intervals(counts: "NDArray[np.int64]", draws: "NDArray[np.int64]") -> dict[str, tuple[float, float] | None]:
    iou, dice = _resampled_overlap(counts, draws)
    return {"dice": percentile_interval(dice), "iou": percentile_interval(iou)}


def _resampled_overlap(
    counts: "NDArray[np.int64]", draws: "NDArray[np.int64]"
) -> tuple["NDArray[np.float64]", "NDArray[np.float64]"]:
    """IoU and Dice of the defect in each resample; nan without a defect pixel."""
    tp, fp, fn = (draws @ per_image for per_image in _overlap(counts))
    exists = tp + fn > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        iou = np.where(exists, tp / (tp + fp + fn), np.nan)
        dice = np.where(exists, 2 * tp / (2 * tp + fp + fn), np.nan)
    return iou, dice


def _resampled_mean(counts: "NDArray[np.int64]", draws: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """Mean IoU of the annotated types in each resample; nan without a defect pixel."""
    sums = np.einsum("ri,ijk->rjk", draws, counts)
    right = np.diagonal(sums, axis1=1, axis2=2)[:, 1:]
    real, painted = sums.sum(axis=2)[:, 1:], sums.sum(axis=1)[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        ious = np.where(real > 0, right / (real + painted - right), 0)
        mean: NDArray[np.float64] = ious.sum(axis=1) / (real > 0).sum(axis=1)
    return mean
