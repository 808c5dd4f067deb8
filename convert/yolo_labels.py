"""The COCO annotations of one image as lines of a YOLO label file, boxes or segments, and what that loses."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from convert.coco_source import instance_component
from convert.report import Event
from convert.yolo_segments import Change, Style, box_ring, component_rings, is_drawn_alike
from datasets.coco import Annotation, Image, Rle
from datasets.formats.yolo_lines import Label, format_label

if TYPE_CHECKING:
    from convert.yolo_segments import Points


def label_lines(
    image: Image, annotations: Sequence[Annotation], classes: Mapping[int, int], style: Style
) -> tuple[list[str], list[Event]]:
    """The lines of the label file of `image`; `classes` is category id -> class. Equal lines are written once.

    Raises InputError for a mask that does not fit the image.
    """
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
        ring = box_ring(corners, image.height, image.width)
        return [_ring_label(image, ring, class_index)], [*changed, ("box-as-segment", box)]
    centre = ((x0 + x1) / 2 / image.width, (y0 + y1) / 2 / image.height)
    return [Label(class_index, (*centre, (x1 - x0) / image.width, (y1 - y0) / image.height))], changed


def _clip(image: Image, annotation: Annotation) -> tuple[float, float, float, float] | None:
    x, y, w, h = annotation.bbox
    x0, x1 = max(0, x), min(image.width, x + w)
    y0, y1 = max(0, y), min(image.height, y + h)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _ring_label(image: Image, ring: "Points", class_index: int) -> Label:
    return Label(class_index, tuple((ring / (image.width, image.height)).ravel().tolist()))


def _rings(image: Image, annotation: Annotation, style: Style) -> "tuple[list[Points], list[Change]]":
    component, size = instance_component(image, annotation), (image.height, image.width)
    if component is None:
        return [], [("no-area", str(list(annotation.bbox)))]
    if _leads_outside(image, annotation):
        rings, changes = component_rings(component, size, style)
        return rings, [("clipped", str(list(annotation.bbox))), *changes]
    polygon = _only_polygon(annotation)
    keeps_all = style.holes == style.parts == "bridge"
    if (
        polygon is not None
        and is_drawn_alike(polygon, component, size)
        and (keeps_all or not _touches_itself(polygon))
    ):
        return [polygon], []
    return component_rings(component, size, style)


def _leads_outside(image: Image, annotation: Annotation) -> bool:
    if isinstance(annotation.segmentation, Rle):
        return False
    limits = (image.width, image.height)
    return any(not 0 <= v <= limits[i % 2] for polygon in annotation.segmentation for i, v in enumerate(polygon))


def _only_polygon(annotation: Annotation) -> "Points | None":
    """The points of the polygon of an annotation that has exactly one."""
    if isinstance(annotation.segmentation, Rle) or len(annotation.segmentation) != 1:
        return None
    import numpy as np

    return np.array(annotation.segmentation[0], np.float64).reshape(-1, 2)


def _touches_itself(ring: "Points") -> bool:
    """Whether a ring may contain holes and parts, as one with bridges does."""
    import shapely

    return not shapely.is_valid(shapely.Polygon(ring))
