"""Coordinates that are fractions of the image where a format wants pixels."""

from collections.abc import Iterable
from pathlib import Path

from datasets.coco import Annotation, Rle
from datasets.formats.tool_export import BoxShape, EllipseShape, Geometry, MaskShape, ToolExport, Unit
from system.errors import InputError

Corner = tuple[float, float]  # the largest x and y of a shape
PIXELS: Corner = (1e9, 1e9)  # of a shape that is in pixels in any case


def check_not_fractions(where: Path | str, corners: Iterable[Corner], unit: Unit = "pixel") -> None:
    """Raise InputError if all shapes are inside the first pixel of their image, and not all are that pixel.

    Where coordinates are percentages (`unit`), the first percent of the width and height counts instead.

    Scripts divide coordinates by the image size for YOLO and write them into other formats; read as pixels, every
    defect would be a speck in the corner.
    """
    listed = list(corners)
    values = [value for corner in listed for value in corner]
    if any(value % 1 for value in values) and all(0 <= value <= 1 for value in values):
        problem = f"all {len(listed)} shapes are inside the first {unit} of their image"
        by = "100" if unit == "percent" else "the width and height"
        remedy = f"multiply the coordinates by {by}: they seem to be fractions of the image"
        raise InputError(where, problem, remedy)


def annotation_corners(annotations: Iterable[Annotation]) -> list[Corner]:
    """The largest x and y of each annotation, by its polygons or its box; a mask of run lengths is in pixels."""
    corners: list[Corner] = []
    for a in annotations:
        rings = [] if isinstance(a.segmentation, Rle) else [ring for ring in a.segmentation if len(ring) > 1]
        if isinstance(a.segmentation, Rle):
            corners.append((a.segmentation.size[1], a.segmentation.size[0]))
        elif rings:
            corners.append((max(max(ring[::2]) for ring in rings), max(max(ring[1::2]) for ring in rings)))
        else:
            corners.append((a.bbox[0] + a.bbox[2], a.bbox[1] + a.bbox[3]))
    return corners


def shape_corners(export: ToolExport) -> list[Corner]:
    """The largest x and y of each shape of an export, in its unit; masks count as in pixels.

    Of an ellipse, the centre and the half axes count.
    """
    corners: list[Corner] = []
    for image in export.images:
        width, height = image.size if export.unit == "percent" and image.size else (100, 100)
        for x, y in map(_largest, (shape.geometry for shape in image.shapes)):
            corners.append((x * 100 / width, y * 100 / height))
    return corners


def _largest(geometry: Geometry) -> Corner:
    if isinstance(geometry, BoxShape):
        return geometry.x1, geometry.y1
    if isinstance(geometry, EllipseShape):
        return max(geometry.cx, geometry.rx), max(geometry.cy, geometry.ry)
    if isinstance(geometry, MaskShape) or not geometry.points:
        return PIXELS
    xs, ys = zip(*geometry.points, strict=True)
    return max(xs), max(ys)
