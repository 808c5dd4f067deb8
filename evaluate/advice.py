"""One sentence on what would help most, derived from the errors of a run.

The rule: of the candidates below, the one with the largest possible gain is named. Each gain is of the same run's
numbers, by masks if the run provides them, else by boxes.

* each of the six kinds of errors (evaluate.error_decomposition): by how much AP50 would be higher without it;
* outlines: AP50 - AP, what is lost because defects that are found are not outlined exactly;
* image types, for a run that predicts nothing else: the most frequent confusion of two types.

Gains below 0.01 are within the noise of any test split, so no change is advised then.
"""

from evaluate.average_precision import BOXES, MASKS
from evaluate.error_decomposition import ErrorKind
from evaluate.errors_of_instances import INSTANCE_ERRORS
from evaluate.image_types import IMAGE_TYPES, ImageTypeMeasures
from evaluate.metrics import Metrics
from evaluate.run_folder import TASKS, Provides

MIN_GAIN = 0.01
REMEDIES = {
    ErrorKind.wrong_type: "check the types of the labels, add examples of the types that are confused, or let a"
    " classifier of whole images take part (train_cls, then fuse --types-by)",
    ErrorKind.badly_placed: "check how the labels are outlined and raise --imgsz or --epochs",
    ErrorKind.both: "add examples of the defect types that are confused, and check how they are outlined",
    ErrorKind.duplicate: "check for defects that are labelled as one and predicted in parts",
    ErrorKind.background: "add good images that look like the false alarms (annotate queue finds them)",
    ErrorKind.missed: "label more defects that look like the missed ones, or raise --imgsz for small ones",
}
LABEL_THEM = "label the defects that it finds (annotate propose) and train train_seg or train_det on them"
WITHOUT_LABELS = REMEDIES | {  # of a model that learnt from good images alone: labels do not change it
    ErrorKind.badly_placed: f"a score map shows only roughly where a defect ends; {LABEL_THEM}",
    ErrorKind.duplicate: f"one defect is predicted in parts; {LABEL_THEM}",
    ErrorKind.missed: "allow more false alarms (--alarms), raise --imgsz for small ones, or try another --method",
}
OUTLINES = "outline the labels more exactly and raise --imgsz"
BOXES_DRAWN = "draw the labels exactly, boxes tight around their defects, and raise --imgsz"


def advice(metrics: Metrics) -> str | None:
    """The sentence; None for a run without boxes and without image types, and without annotations."""
    types = metrics.get(IMAGE_TYPES)
    if types is not None:
        return _advice_on_types(types)
    errors = metrics.get(INSTANCE_ERRORS)
    if errors is None:
        return None
    what, precision, decomposition = "masks", metrics.get(MASKS), errors.masks
    if decomposition is None:
        what, precision, decomposition = "boxes", metrics.get(BOXES), errors.boxes
    if decomposition is None or decomposition.AP50 is None or precision is None:
        return None
    learnt_labels = TASKS.get(metrics.protocol.task, Provides()).types
    gains = {kind: decomposition.errors[kind.name].gain for kind in ErrorKind}
    exact = (precision.AP50 or 0.0) - (precision.AP or 0.0)
    worst = max(gains, key=lambda kind: gains[kind])
    if max(exact, gains[worst]) < MIN_GAIN:
        return f"No single kind of error of {what} costs {MIN_GAIN:g} AP or more."
    if exact >= gains[worst]:
        remedy = OUTLINES if what == "masks" else BOXES_DRAWN
        if not learnt_labels:
            remedy = WITHOUT_LABELS[ErrorKind.badly_placed]
        return (
            f"Exact outlines would help most: defects that are found but not outlined exactly cost {exact:.3f} AP"
            f" of {what}; {remedy}."
        )
    count = decomposition.errors[worst.name].count
    remedies = REMEDIES if learnt_labels else WITHOUT_LABELS
    return (
        f"Fewer errors of the kind '{worst.value}' would help most: {count} cost {gains[worst]:.3f} AP50"
        f" of {what}; {remedies[worst]}."
    )


def _advice_on_types(types: ImageTypeMeasures) -> str | None:
    confused = [
        (count, truth, predicted)
        for truth, row in zip(types.names, types.matrix, strict=True)
        for predicted, count in zip(types.names, row, strict=True)
        if truth != predicted
    ]
    count, truth, predicted = max(confused, key=lambda c: c[0], default=(0, "", ""))
    if not count:
        return "Every image type is right." if types.images else None
    return (
        f"Fewer images of {truth} taken for {predicted} would help most: {count} of"
        f" {types.images - types.right} wrong types; check the labels of both and add images of {truth}."
    )
