"""COCO AP without types: how well defects are found and placed, whatever type is predicted for them.

The difference to the AP with types is what wrong types cost.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import Category, CocoFile, Prediction
from evaluate.average_precision import instance_measures, resampled_measures
from evaluate.cells import INTERVAL_ROW, Table, interval_cell, value_cell
from evaluate.coco_eval import IouType
from evaluate.metric import Metric, Tested
from evaluate.truth import has_masks
from evaluate.values import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ANY = Category(1, "any defect")


class DefectPrecision(msgspec.Struct, frozen=True):
    """COCO AP with all types taken as one, over all scores; `intervals` holds AP and AP50."""

    AP: float | None
    AP50: float | None
    AP75: float | None
    intervals: dict[str, Interval | None]


class AnyDefectMeasures(msgspec.Struct, frozen=True):
    """By the IoU of boxes and of instance masks; None for the one that the run does not provide."""

    boxes: DefectPrecision | None = None
    masks: DefectPrecision | None = None


class AnyDefectMetric(Metric[AnyDefectMeasures]):
    """AP of "any defect" beside the AP with types."""

    key = "any_defect"
    value_type = AnyDefectMeasures

    def measure(self, tested: Tested) -> AnyDefectMeasures | None:
        """Over all scores; None without boxes."""
        if not tested.provides.boxes:
            return None
        truth, predictions = without_types(tested.truth, tested.predictions)
        masks = tested.provides.masks and has_masks(truth)
        return AnyDefectMeasures(
            boxes=_precision(truth, predictions, "bbox", tested.draws),
            masks=_precision(truth, predictions, "segm", tested.draws) if masks else None,
        )

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """The rule of COCO for a single type."""
        del truth
        return {"any_defect": "COCO AP with all types taken as one: a prediction of a wrong type is right here"}

    def tables(self, value: AnyDefectMeasures, definitions: Mapping[str, str]) -> Iterator[Table]:
        """Two rows for boxes and two for masks."""
        rows = []
        for name, one in (("boxes", value.boxes), ("instance masks", value.masks)):
            if one is not None:
                rows.append([name, *map(value_cell, (one.AP, one.AP50, one.AP75))])
                rows.append([INTERVAL_ROW, *(interval_cell(one.intervals[n]) for n in ("AP", "AP50")), ""])
        yield Table("Any defect", ("", "AP", "AP50", "AP75"), rows, definitions["any_defect"])

    def fold_numbers(self, value: AnyDefectMeasures) -> dict[str, float | None]:
        """AP and AP50 of boxes and of masks."""
        return {
            f"any defect {name} {number}": getattr(one, number)
            for name, one in (("boxes", value.boxes), ("masks", value.masks))
            if one is not None
            for number in ("AP", "AP50")
        }

    def resampled(self, tested: Tested) -> "dict[str, NDArray[np.float64]]":
        """AP and AP50 of boxes and of masks."""
        if not tested.provides.boxes:
            return {}
        truth, predictions = without_types(tested.truth, tested.predictions)
        found = resampled_measures(truth, predictions, "bbox", tested.draws, "any defect boxes")
        if tested.provides.masks and has_masks(truth):
            found |= resampled_measures(truth, predictions, "segm", tested.draws, "any defect masks")
        return found


ANY_DEFECT = AnyDefectMetric()


def without_types(truth: CocoFile, predictions: Sequence[Prediction]) -> tuple[CocoFile, list[Prediction]]:
    """The same with one category, `any defect`, for every annotation and prediction."""
    replace = msgspec.structs.replace
    annotations = [replace(a, category_id=ANY.id) for a in truth.annotations]
    single = replace(truth, annotations=annotations, categories=[ANY])
    return single, [replace(p, category_id=ANY.id) for p in predictions]


def _precision(
    truth: CocoFile, predictions: Sequence[Prediction], iou_type: IouType, draws: "NDArray[np.int64]"
) -> DefectPrecision:
    typed = instance_measures(truth, predictions, iou_type, draws)
    return DefectPrecision(typed.AP, typed.AP50, typed.AP75, typed.intervals)
