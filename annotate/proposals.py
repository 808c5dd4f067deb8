"""Add predictions to labelme files as shapes to correct, next to the shapes of people, each only once."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from annotate.folder_images import FolderImage, image_size, open_document
from annotate.shape_groups import draw_together, shape_groups
from convert.to_shapes import DEFAULT_TOLERANCE, component_to_shapes
from datasets.coco import Prediction, Rle
from datasets.formats.labelme import RECORD, Shape
from datasets.formats.labelme_document import Document, shape_to_raw, with_shapes, write_document
from datasets.formats.labelme_flags import UNREVIEWED, set_flags
from datasets.formats.labelme_proposal import marked
from datasets.masks.component import mask_to_component
from datasets.masks.rle import decode, rle_box, rle_ious
from evaluate.matching import box_ious
from system.errors import InputError

SAME_IOU_THRESHOLD = 0.5
MIN_POLYGON_IOU = 0.9  # of a proposed polygon and the predicted mask
CLOSED_FLAGS = frozenset({"good", "reject"})

Outcome = Literal["proposed", "known", "covered", "empty"]


class Proposal(msgspec.Struct, frozen=True):
    """A prediction with its label and the name of the model that made it."""

    prediction: Prediction
    label: str
    model: str


class Added(msgspec.Struct, frozen=True):
    """Number of proposals for one image by outcome.

    `known`: proposed earlier; `covered`: overlaps an existing shape; `empty`: no pixel inside the image; `closed`:
    the image is flagged good or reject, so its file is unchanged.
    """

    image: str
    proposed: int = 0
    known: int = 0
    covered: int = 0
    empty: int = 0
    closed: int = 0


def propose(image: FolderImage, proposals: Sequence[Proposal], tolerance: float = DEFAULT_TOLERANCE) -> Added:
    """Add `proposals` to the labelme file of `image`; it is written only if a shape was added.

    `tolerance` is in pixels. Raises InputError for a file that cannot be read, OutputError for one that changed
    meanwhile.
    """
    document = open_document(image)
    if CLOSED_FLAGS & set(set_flags(document.file)):
        return Added(image.name, closed=len(proposals))
    raw, outcomes = add_proposals(document, image_size(image, document.file), proposals, tolerance)
    if "proposed" in outcomes:
        write_document(document, raw)
    counts = Counter(outcomes)
    return Added(image.name, counts["proposed"], counts["known"], counts["covered"], counts["empty"])


def add_proposals(
    document: Document, size: tuple[int, int], proposals: Sequence[Proposal], tolerance: float
) -> tuple[dict[str, object], list[Outcome]]:
    """The raw content of `document` with the proposals added, and the outcome of each, highest score first.

    `size` is (height, width) of the image, `tolerance` is in pixels. A proposal is known if exactly the same
    shapes were proposed earlier, even if a person changed or deleted them; it is covered if its IoU with an
    existing shape of any label is at least 0.5. Raises InputError for shapes that cannot be drawn.
    """
    record = _read_record(document)
    existing = [group.rle for group in shape_groups(document.path, document.file, size) if group.rle is not None]
    groups = [shape.group_id or 0 for shape in document.file.shapes]
    shapes: list[Shape] = []
    outcomes: list[Outcome] = []
    for proposal in sorted(proposals, key=lambda p: -p.prediction.score):
        proposed = proposal_to_shapes(proposal, size, max([0, *groups]) + 1, tolerance)
        mark, mask = _fingerprint(proposed), draw_together(document.path, proposed, size)
        if mask is None:
            outcomes.append("empty")
        elif mark in record:
            outcomes.append("known")
        elif _overlaps(mask, existing, as_boxes=proposed[0].kind == "rectangle"):
            outcomes.append("covered")
        else:
            outcomes.append("proposed")
            record.append(mark)
            shapes += proposed
            groups += [shape.group_id or 0 for shape in proposed]
            existing.append(mask)
    earlier = document.raw.get(RECORD)
    own = earlier if isinstance(earlier, dict) else {}
    return {**with_shapes(document, shapes), RECORD: {**own, "proposed": record}}, outcomes


def proposal_to_shapes(
    proposal: Proposal, size: tuple[int, int], group_id: int, tolerance: float = DEFAULT_TOLERANCE
) -> list[Shape]:
    """The shapes of one proposal in an image of `size` (height, width); empty if its mask has no pixel.

    A mask becomes polygons within `tolerance` pixels of it, or `mask` shapes if it has holes; a box becomes a
    rectangle.
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
        shapes = component_to_shapes(component, proposal.label, group_id, tolerance, MIN_POLYGON_IOU)
    description = f"score={prediction.score:.3f} model={proposal.model}"
    flagged = [
        msgspec.structs.replace(shape, description=description, flags={UNREVIEWED: True}) for shape in shapes
    ]
    return [marked(shape) for shape in flagged]


def _read_record(document: Document) -> list[str]:
    record = document.raw.get(RECORD, {})
    proposed = record.get("proposed", []) if isinstance(record, dict) else None
    if not isinstance(proposed, list) or not all(isinstance(mark, str) for mark in proposed):
        raise InputError(document.path, f"$.{RECORD} is not in the form that defectline writes", "remove this key")
    return list(proposed)


def _fingerprint(shapes: Sequence[Shape]) -> str:
    """Hash of shapes without score, model and group: the same region from another model has the same hash."""
    content = [[s["label"], s["shape_type"], s["points"], s["mask"]] for s in map(shape_to_raw, shapes)]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]


def _overlaps(mask: Rle, existing: Sequence[Rle], *, as_boxes: bool) -> bool:
    """Whether an existing shape overlaps the proposal, by IoU of boxes or of masks."""
    if not existing:
        return False
    if as_boxes:
        return bool(box_ious([rle_box(mask)], [rle_box(rle) for rle in existing]).max() >= SAME_IOU_THRESHOLD)
    return bool(rle_ious([mask], existing).max() >= SAME_IOU_THRESHOLD)
