"""COCO average precision of boxes and of instance masks, equal to pycocotools'."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import CocoFile, Prediction
from evaluate.bootstrap import percentile_interval
from evaluate.cells import INTERVAL_ROW, Table, interval_cell, value_cell
from evaluate.coco_eval import IouType, coco_eval, resampled_precision
from evaluate.metric import Metric, Tested
from evaluate.truth import has_masks
from evaluate.values import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pycocotools.cocoeval import COCOeval

ALL_AREAS, MOST_DETECTIONS = 0, -1
AT_50, AT_75 = 0, 5


class TypeInstances(msgspec.Struct, frozen=True):
    """COCO AP of one defect type."""

    AP: float | None
    AP50: float | None
    AP75: float | None
    annotations: int


class SizeInstances(msgspec.Struct, frozen=True):
    """COCO AP by annotation area: below 32 x 32 pixels, below 96 x 96, and above."""

    small: float | None
    medium: float | None
    large: float | None


class InstanceMeasures(msgspec.Struct, frozen=True):
    """COCO AP of boxes or of instance masks, over all scores; `intervals` holds AP and AP50."""

    AP: float | None
    AP50: float | None
    AP75: float | None
    per_type: dict[str, TypeInstances]
    by_size: SizeInstances
    intervals: dict[str, Interval | None]


class AveragePrecision(Metric[InstanceMeasures]):
    """The part that the two metrics share: their numbers and their table."""

    value_type = InstanceMeasures
    title: str

    def tables(self, value: InstanceMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """A row for all types, one for each type and one for each size."""
        total = str(sum(t.annotations for t in value.per_type.values()))
        rows = [
            ["all types", *map(value_cell, (value.AP, value.AP50, value.AP75)), total],
            [INTERVAL_ROW, *(interval_cell(value.intervals[name]) for name in ("AP", "AP50")), "", ""],
        ]
        rows += [
            [name, *map(value_cell, (t.AP, t.AP50, t.AP75)), str(t.annotations)]
            for name, t in value.per_type.items()
        ]
        sizes = msgspec.structs.asdict(value.by_size)
        rows += [[f"{name} annotations", value_cell(number), "", "", ""] for name, number in sizes.items()]
        yield Table(self.title, ("", "AP", "AP50", "AP75", "annotations"), rows, definitions[self.key])

    def fold_numbers(self, value: InstanceMeasures) -> dict[str, float | None]:
        """AP and AP50 of all types."""
        return {f"{self.key} AP": value.AP, f"{self.key} AP50": value.AP50}


def resampled_measures(
    truth: CocoFile, predictions: Sequence[Prediction], iou_type: IouType, draws: "NDArray[np.int64]", name: str
) -> "dict[str, NDArray[np.float64]]":
    """AP and AP50 in each resample of the images, called `name` AP and `name` AP50."""
    precision = resampled_precision(coco_eval(truth, predictions, iou_type), draws)
    return {f"{name} AP": precision.mean(axis=1), f"{name} AP50": precision[:, AT_50]}


class BoxPrecision(AveragePrecision):
    """AP of boxes."""

    key = "boxes"
    title = "Boxes"

    def measure(self, tested: Tested) -> InstanceMeasures | None:
        """Over all scores; None without boxes."""
        if not tested.provides.boxes:
            return None
        return instance_measures(tested.truth, tested.predictions, "bbox", tested.draws)

    def resampled(self, tested: Tested) -> "dict[str, NDArray[np.float64]]":
        """AP and AP50."""
        if not tested.provides.boxes:
            return {}
        return resampled_measures(tested.truth, tested.predictions, "bbox", tested.draws, self.key)

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """The rule of COCO."""
        del truth
        return {
            "boxes": "COCO AP by pycocotools over all scores, IoU of boxes, mean over IoU 0.50 to 0.95 and types"
        }


class MaskPrecision(AveragePrecision):
    """AP of instance masks."""

    key = "masks"
    title = "Instance masks"

    def measure(self, tested: Tested) -> InstanceMeasures | None:
        """Over all scores; None if one side has no masks."""
        if not tested.provides.masks or not has_masks(tested.truth):
            return None
        return instance_measures(tested.truth, tested.predictions, "segm", tested.draws)

    def resampled(self, tested: Tested) -> "dict[str, NDArray[np.float64]]":
        """AP and AP50."""
        if not tested.provides.masks or not has_masks(tested.truth):
            return {}
        return resampled_measures(tested.truth, tested.predictions, "segm", tested.draws, self.key)

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """The rule of COCO."""
        del truth
        return {"masks": "the same with the IoU of instance masks"}


BOXES = BoxPrecision()
MASKS = MaskPrecision()


def instance_measures(
    truth: CocoFile, predictions: Sequence[Prediction], iou_type: IouType, draws: "NDArray[np.int64]"
) -> InstanceMeasures:
    """COCO AP of `iou_type` bbox or segm, equal to COCOeval's; `draws` as made by bootstrap.draw_images."""
    done = coco_eval(truth, predictions, iou_type)
    stats = [_known(value) for value in done.stats]
    return InstanceMeasures(
        AP=stats[0],
        AP50=stats[1],
        AP75=stats[2],
        per_type=_per_type(truth, done),
        by_size=SizeInstances(*stats[3:6]),
        intervals=_intervals(done, draws),
    )


def _intervals(done: "COCOeval", draws: "NDArray[np.int64]") -> dict[str, Interval | None]:
    precision = resampled_precision(done, draws)
    return {
        "AP": percentile_interval(precision.mean(axis=1)),
        "AP50": percentile_interval(precision[:, AT_50]),
    }


def _per_type(truth: CocoFile, done: "COCOeval") -> dict[str, TypeInstances]:
    measures = {}
    for k, (category_id, name) in enumerate(truth.names().items()):
        precision = done.eval["precision"][:, :, k, ALL_AREAS, MOST_DETECTIONS]
        measures[name] = TypeInstances(
            AP=_mean(precision),
            AP50=_mean(precision[AT_50]),
            AP75=_mean(precision[AT_75]),
            annotations=sum(a.category_id == category_id and not a.iscrowd for a in truth.annotations),
        )
    return measures


def _mean(precision: "NDArray[np.float64]") -> float | None:
    known = precision[precision > -1]
    return float(np.mean(known)) if len(known) else None


def _known(value: float) -> float | None:
    return float(value) if value > -1 else None
