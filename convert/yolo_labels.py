"""The COCO annotations of images as lines of YOLO label files, boxes or segments, and what that loses."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from convert.coco_batches import instance_runs
from convert.coco_source import CocoImage
from convert.report import Event
from convert.yolo_segments import Change, Style, box_ring, instance_rings, is_drawn_alike
from datasets.coco import Annotation, Image, Rle
from datasets.formats.yolo_lines import format_line
from datasets.masks.thickness import contains_square

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from convert.yolo_segments import Points
    from datasets.masks.pixel_runs import PixelRuns

Rings = list[list[float]]  # normalised coordinates, as in datasets.formats.yolo_lines


def label_lines(
    items: Sequence[CocoImage], classes: Mapping[int, int], style: Style
) -> list[tuple[list[str], list[Event]]]:
    """The lines of the label file of each image; `classes` is category id -> class. Equal lines are written once.

    Raises InputError for a mask that does not fit its image.
    """
    masked = [(item.image, a) for item in items for a in item.annotations if _is_segment(a, style)]
    segments = iter(_segments(masked, style) if masked else [])
    found = []
    for item in items:
        lines: dict[str, None] = {}
        events: list[Event] = []
        for annotation in item.annotations:
            is_segment = _is_segment(annotation, style)
            values, changes = next(segments) if is_segment else _box_values(item.image, annotation, style)
            where = f"annotation {annotation.id}"
            for own in values:
                line = format_line(classes[annotation.category_id], own)
                if line in lines:
                    changes.append(("duplicate", "equal to an annotation before it"))
                else:
                    lines[line] = None
            events += [Event(item.file_name, where, code, value) for code, value in changes]
        found.append((list(lines), events))
    return found


def _is_segment(annotation: Annotation, style: Style) -> bool:
    return style.segments and bool(annotation.segmentation) and not annotation.iscrowd


def _box_values(image: Image, annotation: Annotation, style: Style) -> tuple[Rings, list[Change]]:
    """The values of the line of an annotation without a mask, or of which only the box is wanted."""
    box = str(list(annotation.bbox))
    if annotation.iscrowd:
        return [], [("crowd", box)]
    if min(annotation.bbox[2:]) <= 0:
        return [], [("no-area", box)]
    corners = _clip(image, annotation)
    if corners is None:
        return [], [("outside", box)]
    x0, y0, x1, y1 = corners
    x, y, w, h = annotation.bbox
    changed: list[Change] = [] if corners == (x, y, x + w, y + h) else [("clipped", box)]
    if style.segments:
        ring = _normalise(box_ring(corners, image.height, image.width), image)
        return [ring], [*changed, ("box-as-segment", box)]
    centre = ((x0 + x1) / 2 / image.width, (y0 + y1) / 2 / image.height)
    return [[*centre, (x1 - x0) / image.width, (y1 - y0) / image.height]], changed


def _clip(image: Image, annotation: Annotation) -> tuple[float, float, float, float] | None:
    x, y, w, h = annotation.bbox
    x0, x1 = max(0, x), min(image.width, x + w)
    y0, y1 = max(0, y), min(image.height, y + h)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _normalise(ring: "Points", image: Image) -> list[float]:
    values: list[float] = (ring / (image.width, image.height)).ravel().tolist()
    return values


def _segments(masked: Sequence[tuple[Image, Annotation]], style: Style) -> list[tuple[Rings, list[Change]]]:
    """The normalised rings of each annotation, which has a segmentation, and what changed."""
    import numpy as np

    runs = instance_runs(masked)
    has_pixels = runs.boxes[:, 2] > 0
    kept = {
        k: polygon
        for k, (image, annotation) in enumerate(masked)
        if has_pixels[k] and (polygon := _kept_polygon(image, annotation, runs, k, style)) is not None
    }
    drawn = has_pixels.copy()
    drawn[list(kept)] = False
    numbers = np.flatnonzero(drawn).tolist()
    sizes = [(masked[k][0].height, masked[k][0].width) for k in numbers]
    table, changed = instance_rings(runs.select(drawn), sizes, style)
    widths = np.array([(width, height) for height, width in sizes]).reshape(-1, 2)
    values = (table.points / widths[table.owner_of_point()]).ravel().tolist()
    rings: dict[int, Rings] = {k: [] for k in numbers}
    for owner, start, stop in zip(table.owner.tolist(), table.starts.tolist(), table.stops.tolist(), strict=True):
        rings[numbers[owner]].append(values[2 * start : 2 * stop])
    changes = dict(zip(numbers, changed, strict=True))
    is_thin = _is_thin(masked, runs, style)
    found: list[tuple[Rings, list[Change]]] = []
    for k, (image, annotation) in enumerate(masked):
        if k in kept:
            found.append(([_normalise(kept[k], image)], []))
        elif k in rings:
            clipped = [("clipped", str(list(annotation.bbox)))] if _leads_outside(image, annotation) else []
            found.append((rings[k], [*clipped, *changes[k]]))
        else:
            found.append(([], [("no-area", str(list(annotation.bbox)))]))
        if is_thin[k]:
            pixel = max(image.width, image.height) / style.imgsz
            found[k][1].append(("thin-segment", f"a pixel in training is {pixel:.3g} px"))
    return found


def _is_thin(masked: Sequence[tuple[Image, Annotation]], runs: "PixelRuns", style: Style) -> "NDArray[np.bool_]":
    """Whether each mask has pixels, but nowhere as many beside each other as a pixel at `imgsz` covers."""
    import numpy as np

    longest = np.array([max(image.width, image.height) for image, _ in masked])
    return (runs.boxes[:, 2] > 0) & ~contains_square(runs, np.maximum(-(-longest // style.imgsz), 1))


def _kept_polygon(
    image: Image, annotation: Annotation, runs: "PixelRuns", mask: int, style: Style
) -> "Points | None":
    """The points of a polygon that is written unchanged, because Ultralytics draws it almost as its pixels."""
    polygon = _only_polygon(annotation)
    if polygon is None or _leads_outside(image, annotation):
        return None
    keeps_all = style.holes == style.parts == "bridge"
    if not is_drawn_alike(polygon, runs.component(mask), (image.height, image.width)):
        return None
    return polygon if keeps_all or not _touches_itself(polygon) else None


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
