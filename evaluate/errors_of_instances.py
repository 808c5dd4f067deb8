"""The metric of the error decomposition: what AP50 of boxes and of instance masks loses to each kind of error."""

from collections.abc import Iterator, Mapping

import msgspec

from datasets.coco import CocoFile
from evaluate.cells import Table, value_cell
from evaluate.error_decomposition import BACKGROUND_IOU, Decomposition, ErrorKind, decompose
from evaluate.matching import IOU_THRESHOLD
from evaluate.metric import Metric, Tested
from evaluate.truth import has_masks


class InstanceErrors(msgspec.Struct, frozen=True):
    """By the IoU of boxes and of instance masks; None for the one that the run does not provide."""

    boxes: Decomposition | None = None
    masks: Decomposition | None = None


class InstanceErrorMetric(Metric[InstanceErrors]):
    """The six kinds of errors of boxes and of instance masks."""

    key = "errors"
    value_type = InstanceErrors
    lower_is_better = frozenset(f"{name} gain, {kind.value}" for name in ("boxes", "masks") for kind in ErrorKind)

    def measure(self, tested: Tested) -> InstanceErrors | None:
        """Over all scores; None without boxes."""
        if not tested.provides.boxes:
            return None
        masks = tested.provides.masks and has_masks(tested.truth)
        return InstanceErrors(
            boxes=decompose(tested.truth, tested.predictions, "bbox"),
            masks=decompose(tested.truth, tested.predictions, "segm") if masks else None,
        )

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """The limits of the kinds, and what a gain is."""
        del truth
        return {
            "errors": "TIDE (Bolya et al. 2020) over all scores: each prediction that is false at IoU"
            f" {IOU_THRESHOLD} is badly placed (IoU {BACKGROUND_IOU} to {IOU_THRESHOLD} with an annotation of its"
            f" type), of a wrong type (IoU {IOU_THRESHOLD} with one of another type), a duplicate, background"
            f" (IoU below {BACKGROUND_IOU} with all), or both badly placed and of a wrong type; missed are the"
            " annotations that no badly placed and no wrongly typed prediction would find; gain is by how much"
            " AP50 would be higher if each error of the kind were right, and gains do not add up"
        }

    def tables(self, value: InstanceErrors, definitions: Mapping[str, str]) -> Iterator[Table]:
        """A row for each kind, with boxes and masks side by side."""
        sides = [(name, one) for name, one in (("boxes", value.boxes), ("masks", value.masks)) if one is not None]
        columns = ["", *(f"{name}, {what}" for name, _ in sides for what in ("errors", "AP50 gain"))]
        rows = [[kind.value, *(cell for _, one in sides for cell in _cells(one, kind))] for kind in ErrorKind]
        yield Table("Errors of instances", columns, rows, definitions["errors"])

    def fold_numbers(self, value: InstanceErrors) -> dict[str, float | None]:
        """The gains."""
        return {
            f"{name} gain, {kind.value}": one.errors[kind.name].gain
            for name, one in (("boxes", value.boxes), ("masks", value.masks))
            if one is not None
            for kind in ErrorKind
        }


INSTANCE_ERRORS = InstanceErrorMetric()


def _cells(one: Decomposition, kind: ErrorKind) -> tuple[str, str]:
    share = one.errors[kind.name]
    return str(share.count), value_cell(share.gain)
