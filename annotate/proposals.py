"""Predictions as editable shapes, added to labelme files beside what people drew, and never twice."""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from annotate.instances import draw_together, instances_of
from annotate.pictures import Picture, open_document, picture_size
from convert.to_shapes import DEFAULT_TOLERANCE, component_to_shapes
from datasets.coco import Prediction, Rle
from datasets.formats.labelme import Shape
from datasets.formats.labelme_document import Document, shape_to_raw, with_shapes, write_document
from datasets.formats.labelme_flags import UNREVIEWED, set_flags
from datasets.masks.component import mask_to_component
from datasets.masks.rle import decode, rle_box, rle_ious
from system.errors import InputError

RECORD = "defectline"  # key of labelme's JSON that labelme keeps and does not read
SAME_IOU = 0.5
LEAST_IOU = 0.9  # of a proposed polygon and the mask it stands for
CLOSED_FLAGS = frozenset({"good", "reject"})

Outcome = Literal["proposed", "known", "covered", "empty"]


class Proposal(msgspec.Struct, frozen=True):
    """A prediction with its label and the name of the model that made it."""

    prediction: Prediction
    label: str
    model: str


class Added(msgspec.Struct, frozen=True):
    """What became of the proposals for one picture; `known` were proposed before, `covered` have a shape already.

    `closed`: the picture is flagged good or reject, and was left alone.
    """

    picture: str
    proposed: int = 0
    known: int = 0
    covered: int = 0
    empty: int = 0
    closed: int = 0


def propose(picture: Picture, proposals: Sequence[Proposal], tolerance: float = DEFAULT_TOLERANCE) -> Added:
    """Add `proposals` to the labelme file of `picture` and write it, if there is anything to add.

    Raises InputError for a file that cannot be read, OutputError for one that changed meanwhile.
    """
    document = open_document(picture)
    if CLOSED_FLAGS & set(set_flags(document.file)):
        return Added(picture.name, closed=len(proposals))
    raw, outcomes = add_proposals(document, picture_size(picture, document.file), proposals, tolerance)
    if "proposed" in outcomes:
        write_document(document, raw)
    counts = {kind: outcomes.count(kind) for kind in ("proposed", "known", "covered", "empty")}
    return Added(picture.name, **counts)


def add_proposals(
    document: Document, size: tuple[int, int], proposals: Sequence[Proposal], tolerance: float
) -> tuple[dict[str, Any], list[Outcome]]:
    """The raw content of `document` with the proposals in it, and what became of each, best score first.

    A proposal is known where its very shapes were proposed before, though a person may have changed or deleted
    them since; it is covered where a shape, of whatever label, meets it with an IoU of 0.5.
    """
    record = _read_record(document)
    taken = [i.rle for i in instances_of(document.path, document.file, size) if i.rle is not None]
    groups = [shape.group_id or 0 for shape in document.file.shapes]
    shapes: list[Shape] = []
    outcomes: list[Outcome] = []
    for proposal in sorted(proposals, key=lambda p: -p.prediction.score):
        made = proposal_to_shapes(proposal, size, max([0, *groups]) + 1, tolerance)
        mark, mine = _fingerprint(made), draw_together(document.path, made, size)
        if mine is None:
            outcomes.append("empty")
        elif mark in record:
            outcomes.append("known")
        elif _meets(mine, taken, as_boxes=made[0].kind == "rectangle"):
            outcomes.append("covered")
        else:
            outcomes.append("proposed")
            record.append(mark)
            shapes += made
            groups += [shape.group_id or 0 for shape in made]
            taken.append(mine)
    raw = with_shapes(document, shapes)
    return {**raw, RECORD: {**raw.get(RECORD, {}), "proposed": record}}, outcomes


def proposal_to_shapes(
    proposal: Proposal, size: tuple[int, int], group_id: int, tolerance: float = DEFAULT_TOLERANCE
) -> list[Shape]:
    """The shapes of one proposal in a picture of `size` (height, width); none where its mask is empty.

    A mask becomes polygons within `tolerance` pixels, or `mask` shapes where there are holes; a box a rectangle.
    """
    prediction = proposal.prediction
    if prediction.segmentation is None:
        x, y, w, h = prediction.bbox
        corners = [(max(0.0, float(x)), max(0.0, float(y))), (min(x + w, size[1]), min(y + h, size[0]))]
        shapes = [Shape(proposal.label, corners, shape_type="rectangle")]
    else:
        mask = decode(prediction.segmentation, *size).astype(bool)
        if not mask.any():
            return []
        component = mask_to_component(mask)
        shapes = component_to_shapes(component, proposal.label, group_id, tolerance, LEAST_IOU)
    told = f"score={prediction.score:.3f} model={proposal.model}"
    return [msgspec.structs.replace(shape, description=told, flags={UNREVIEWED: True}) for shape in shapes]


def _read_record(document: Document) -> list[str]:
    record = document.raw.get(RECORD, {})
    proposed = record.get("proposed", []) if isinstance(record, dict) else None
    if not isinstance(proposed, list) or not all(isinstance(mark, str) for mark in proposed):
        raise InputError(document.path, f"$.{RECORD} is not as defectline writes it", "remove this key")
    return list(proposed)


def _fingerprint(shapes: Sequence[Shape]) -> str:
    """What is proposed, without score and group: the same region by the same model or another is the same."""
    said = [[s["label"], s["shape_type"], s["points"], s["mask"]] for s in map(shape_to_raw, shapes)]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]


def _meets(mine: Rle, taken: Sequence[Rle], *, as_boxes: bool) -> bool:
    """Whether a shape that is there meets the proposal: a box by its box, a mask by its pixels."""
    import numpy as np
    from pycocotools import mask as coco_mask

    if not taken:
        return False
    if not as_boxes:
        return bool(rle_ious([mine], taken).max() >= SAME_IOU)
    one, others = np.array([rle_box(mine)], float), np.array([rle_box(rle) for rle in taken], float)
    return bool(coco_mask.iou(one, others, [0] * len(taken)).max() >= SAME_IOU)
