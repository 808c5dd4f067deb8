"""Set the image flags of labelme files to the types that a classifier predicts, to be reviewed by a person.

labelme shows image flags as a list of check marks. A proposal sets the flags of the predicted types, `good` among
them, and `unreviewed`, which a person takes away; until then no conversion uses the image.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from annotate.folder_images import FolderImage, open_document
from annotate.proposals import CLOSED_FLAGS
from datasets.coco import Image, Prediction
from datasets.formats.labelme import RECORD
from datasets.formats.labelme_document import write_document
from datasets.formats.labelme_flags import (
    UNREVIEWED,
    is_unreviewed,
    names_of_set_flags,
    proposed_types,
    set_flags,
)
from evaluate.type_of_image import GOOD, GOOD_INDEX, PRESENT, type_probabilities
from system.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TypeOutcome = Literal["proposed", "known", "covered", "closed"]


def predicted_types(
    predictions: Sequence[Prediction], labels: Mapping[int, str], *, several: bool
) -> tuple[list[str], float]:
    """The types of one image by all its predictions, `good` alone without any, and how certain that is, 0 to 1.

    `labels` are the category names by id. With `several` types those with a probability of at least 0.5, else the
    most probable one.
    """
    ids = sorted(labels)
    row = _row(predictions, ids, several=several)
    if several:
        types = [labels[k] for k, value in zip(ids, row[1:], strict=True) if value >= PRESENT]
        return types or [GOOD], float(np.maximum(row[1:], 1 - row[1:]).min(initial=1))
    top = int(row.argmax())
    return [GOOD if top == GOOD_INDEX else labels[ids[top - 1]]], float(row[top])


def type_uncertainty(predictions: Sequence[Prediction], categories: Sequence[int], *, several: bool) -> float:
    """How uncertain the types of one image are: 1 where two are as probable as each other, 0 where one is certain.

    With `several` types, 1 where one of them has a probability of 0.5. Without a prediction, as of a run that was
    not asked, 1.
    """
    if not predictions:
        return 1.0
    row = _row(predictions, sorted(categories), several=several)
    if several:
        return float(1 - 2 * np.abs(row[1:] - PRESENT).min(initial=PRESENT))
    second, first = np.sort(row)[-2:]
    return float(1 - (first - second))


def propose_types(image: FolderImage, types: Sequence[str], probability: float, model: str) -> TypeOutcome:
    """Flag `image` with `types` and as unreviewed; the outcome states why it was not.

    Closed: a person flagged it good or reject. Covered: it has shapes that a person drew or reviewed. Known: the
    same types were proposed earlier. Flags that were proposed earlier and are still unreviewed are replaced.

    Raises InputError for a file that cannot be read, OutputError for one that changed meanwhile.
    """
    document = open_document(image)
    flags = set(set_flags(document.file))
    record = document.raw.get(RECORD, {})
    if not isinstance(record, dict):
        raise InputError(document.path, f"$.{RECORD} is not in the form that defectline writes", "remove this key")
    earlier = record.get("types", {})
    names = earlier.get("names", []) if isinstance(earlier, dict) else []
    if names == list(types):
        return "known"
    if CLOSED_FLAGS & flags and UNREVIEWED not in flags:
        return "closed"
    if not all(map(is_unreviewed, document.file.shapes)):
        return "covered"
    if earlier and UNREVIEWED not in flags:
        return "known"  # a person reviewed the earlier proposal
    kept = {name: value for name, value in (document.file.flags or {}).items() if name not in names}
    new_flags = {**kept, **dict.fromkeys(names, False), **dict.fromkeys(types, True), UNREVIEWED: True}
    before = sorted(proposed_types(record) - set(types))
    mark = {"names": list(types), "before": before, "flags": names_of_set_flags(new_flags),
            "probability": round(probability, 3), "model": model}  # fmt: skip
    write_document(document, {**document.raw, "flags": new_flags, RECORD: {**record, "types": mark}})
    return "proposed"


def _row(predictions: Sequence[Prediction], categories: Sequence[int], *, several: bool) -> "NDArray[np.float64]":
    alone = [p for p in predictions if p.category_id in categories]
    image = Image(alone[0].image_id if alone else 0, "", 1, 1)
    row: NDArray[np.float64] = type_probabilities([image], list(categories), alone, several=several)[0]
    return row
