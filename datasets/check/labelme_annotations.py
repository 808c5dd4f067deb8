"""Annotations of labelme shapes for `datasets check`, drawn by the code of the conversion."""

import math
from collections.abc import Sequence

from datasets.check.codes import Finding
from datasets.check.facts import AnnotationFacts
from datasets.check.ring_area import ring_area
from datasets.coco import Box, Rle
from datasets.formats.labelme import LabelmeFile, Shape
from datasets.formats.labelme_shapes import Drawn, check_shape, draw_shapes, shape_corners
from datasets.formats.labelme_suspicions import ShapeValues, shape_values
from system.errors import InputError

Indexed = Sequence[tuple[int, Shape]]


def shape_annotations(
    name: str, shapes: Indexed, size: tuple[int, int]
) -> tuple[dict[int, AnnotationFacts], list[Finding]]:
    """The annotation of each shape of the file `name` by its index, and findings for shapes that a conversion
    refuses, or loses because they have no pixels.

    `size` is (height, width) of the image in pixels, 0 if unknown: then only the points are checked.
    """
    annotations: dict[int, AnnotationFacts] = {}
    findings: list[Finding] = []
    for (i, shape), drawn in zip(shapes, _draw_all(name, shapes, size), strict=True):
        if isinstance(drawn, InputError):
            findings.append(Finding(name, f"$.shapes[{i}]", "unreadable-labels", drawn.problem))
        elif drawn is not None and (lost := [value for code, value in drawn.events if code == "shape-lost"]):
            findings.append(Finding(name, f"$.shapes[{i}]", "shape-lost", lost[0]))
        else:
            annotations[i] = _annotation(f"$.shapes[{i}]", shape, drawn)
    return annotations, findings


def join_annotations(parts: Sequence[AnnotationFacts]) -> AnnotationFacts:
    """Join all parts of a group into one annotation."""
    if len(parts) == 1:
        return parts[0]
    x0, y0 = (min(part.box[i] for part in parts) for i in (0, 1))
    x1, y1 = (max(part.box[i] + part.box[i + 2] for part in parts) for i in (0, 1))
    where = f"{parts[0].where} and its group"
    box: Box = (x0, y0, x1 - x0, y1 - y0)
    is_ignored = all(part.is_ignored for part in parts)
    masks = [part.segmentation for part in parts if isinstance(part.segmentation, Rle)]
    if not masks:
        return AnnotationFacts(where, parts[0].category, box, sum(part.area for part in parts), None, is_ignored)
    from datasets.masks.rle import merge_rles, rle_area

    merged = merge_rles(masks)
    return AnnotationFacts(where, parts[0].category, box, rle_area(merged), merged, is_ignored)


def values_of(file: LabelmeFile) -> ShapeValues:
    """What the points of a file reveal of their form."""
    shapes = [(shape.shape_type, shape.read_points) for shape in file.shapes]
    return shape_values(shapes, file.image_width or 0, file.image_height or 0)


def _draw_all(name: str, shapes: Indexed, size: tuple[int, int]) -> list[Drawn | InputError | None]:
    """Each drawn shape, or the error with which a conversion refuses it, or None if the size is unknown."""
    if min(size) > 0:
        try:
            return list(draw_shapes(name, shapes, *size))  # all at once is much faster
        except InputError:
            pass
    drawn: list[Drawn | InputError | None] = []
    for i, shape in shapes:
        try:
            check_shape(name, i, shape)
            drawn.append(draw_shapes(name, [(i, shape)], *size)[0] if min(size) > 0 else None)
        except InputError as error:
            drawn.append(error)
    return drawn


def _annotation(where: str, shape: Shape, drawn: Drawn | None) -> AnnotationFacts:
    from datasets.masks.rle import rle_area, rle_box

    box = _box(shape)
    if drawn is None:
        return AnnotationFacts(where, shape.label, box, _area(shape, box))
    codes = {code for code, _ in drawn.events}
    area = rle_area(drawn.rle) if drawn.rle is not None else 0
    if not area or drawn.rle is None:
        return AnnotationFacts(where, shape.label, box, _area(shape, box) if "outside" in codes else 0)
    if shape.kind == "mask" and "clipped" not in codes:
        box = rle_box(drawn.rle)
    return AnnotationFacts(where, shape.label, box, area, drawn.rle, shape.difficult)


def _box(shape: Shape) -> Box:
    """The box of a shape as drawn, not clipped to the image."""
    if shape.kind == "circle":
        (cx, cy), radius = shape.points[0], _radius(shape)
        return (cx - radius, cy - radius, 2 * radius, 2 * radius)
    xs, ys = [x for x, _ in shape.points] or [0], [y for _, y in shape.points] or [0]
    last = 1 if shape.kind == "mask" else 0  # its second point is the last pixel
    return (min(xs), min(ys), max(xs) - min(xs) + last, max(ys) - min(ys) + last)


def _area(shape: Shape, box: Box) -> float:
    """The area in square pixels of a shape that was not drawn."""
    if shape.kind == "circle":
        return math.pi * _radius(shape) ** 2
    if shape.kind == "mask":
        return box[2] * box[3]
    corners = shape_corners(shape)
    return ring_area(corners) if corners is not None else 0


def _radius(shape: Shape) -> float:
    (cx, cy), (px, py) = shape.points
    return math.hypot(px - cx, py - cy)
