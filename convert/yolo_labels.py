"""COCO annotations of one image as lines of a YOLO label file, boxes or segments, and what that loses."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from convert.coco_source import instance_mask
from convert.report import Event
from datasets.coco import Annotation, Image, Rle
from datasets.formats.yolo import Label, format_label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Change = tuple[str, str]
Points = Sequence[tuple[float, float]]


class Style(msgspec.Struct, frozen=True):
    """What a line says: a box, or with `segments` one ring; how it says `holes` and `parts` (8-connected)."""

    segments: bool = False
    holes: Literal["bridge", "fill"] = "bridge"
    parts: Literal["bridge", "split", "largest"] = "bridge"


def label_lines(
    image: Image, annotations: Sequence[Annotation], classes: Mapping[int, int], style: Style
) -> tuple[list[str], list[Event]]:
    """Lines of the label file of `image`; `classes` is category id -> class. Equal lines are written once."""
    lines: dict[str, None] = {}
    events: list[Event] = []
    for annotation in annotations:
        labels, changes = _annotation_labels(image, annotation, classes[annotation.category_id], style)
        where = f"annotation {annotation.id}"
        for line in map(format_label, labels):
            if line in lines:
                changes.append(("duplicate", "equal to an annotation before it"))
            else:
                lines[line] = None
        events += [Event(image.file_name, where, code, value) for code, value in changes]
    return list(lines), events


def _annotation_labels(
    image: Image, annotation: Annotation, class_index: int, style: Style
) -> tuple[list[Label], list[Change]]:
    box = str(list(annotation.bbox))
    if annotation.iscrowd:
        return [], [("crowd", box)]
    if style.segments and annotation.segmentation:
        rings, changes = _rings(image, annotation, style)
        return [_ring_label(image, ring, class_index) for ring in rings], changes
    if min(annotation.bbox[2:]) <= 0:
        return [], [("no-area", box)]
    corners = _clip(image, annotation)
    if corners is None:
        return [], [("outside", box)]
    x0, y0, x1, y1 = corners
    x, y, w, h = annotation.bbox
    changed: list[Change] = [] if corners == (x, y, x + w, y + h) else [("clipped", box)]
    if style.segments:
        ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        return [_ring_label(image, ring, class_index)], [*changed, ("box-as-segment", box)]
    centre = ((x0 + x1) / 2 / image.width, (y0 + y1) / 2 / image.height)
    return [Label(class_index, (*centre, (x1 - x0) / image.width, (y1 - y0) / image.height))], changed


def _clip(image: Image, annotation: Annotation) -> tuple[float, float, float, float] | None:
    x, y, w, h = annotation.bbox
    x0, x1 = max(0, x), min(image.width, x + w)
    y0, y1 = max(0, y), min(image.height, y + h)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _ring_label(image: Image, ring: Points, class_index: int) -> Label:
    return Label(class_index, tuple(v for x, y in ring for v in (x / image.width, y / image.height)))


def _rings(image: Image, annotation: Annotation, style: Style) -> tuple[list[Points], list[Change]]:
    mask = instance_mask(image, annotation).astype(bool)
    if not mask.any():
        return [], [("no-area", str(list(annotation.bbox)))]
    if _leads_outside(image, annotation):
        rings, changes = _mask_rings(mask, style)
        return rings, [("clipped", str(list(annotation.bbox))), *changes]
    drawn = _drawn_ring(annotation)
    if drawn is None or (not (style.holes == style.parts == "bridge") and _touches_itself(drawn)):
        return _mask_rings(mask, style)
    return [drawn], []


def _leads_outside(image: Image, annotation: Annotation) -> bool:
    if isinstance(annotation.segmentation, Rle):
        return False
    limits = (image.width, image.height)
    return any(not 0 <= v <= limits[i % 2] for polygon in annotation.segmentation for i, v in enumerate(polygon))


def _drawn_ring(annotation: Annotation) -> Points | None:
    """The polygon as it was drawn, where there is just one."""
    if isinstance(annotation.segmentation, Rle) or len(annotation.segmentation) != 1:
        return None
    values = annotation.segmentation[0]
    return list(zip(values[::2], values[1::2], strict=True))


def _touches_itself(ring: Points) -> bool:
    """Whether a ring may say holes and parts, as one with bridges does."""
    import shapely

    return not shapely.is_valid(shapely.Polygon(ring))


def _mask_rings(mask: "NDArray[np.bool_]", style: Style) -> tuple[list[Points], list[Change]]:
    from datasets.masks.bridged_ring import outline_to_ring
    from datasets.masks.component import Component, components, fill_holes, mask_to_component
    from datasets.masks.pixel_outline import pixel_outline

    whole = mask_to_component(mask)
    changes: list[Change] = []
    filled = fill_holes(whole.pixels)
    if in_holes := int(filled.sum()) - whole.area:
        changes.append((f"hole-{style.holes}", f"{in_holes} px"))
    pixels = filled if style.holes == "fill" else whole.pixels
    found = components(pixels)
    if len(found) > 1:
        changes.append((f"parts-{style.parts}", f"{len(found)} parts"))
    chosen = found if style.parts == "split" else [max(found, key=lambda part: part.area)]
    if style.parts == "bridge":
        chosen = [Component((0, 0, *whole.box[2:]), pixels)]
    rings: list[Points] = []
    for part in chosen:
        x, y = part.box[0] + whole.box[0], part.box[1] + whole.box[1]
        rings.append([(px + x, py + y) for px, py in outline_to_ring(pixel_outline(part.pixels))])
    return rings, changes
