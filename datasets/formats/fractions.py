"""Coordinates that are fractions of the image where a format wants pixels."""

from collections.abc import Iterable
from pathlib import Path

from datasets.coco import Annotation, Rle
from datasets.formats.tool_export import BoxShape, PolygonShape, ToolImage
from system.errors import InputError

Corner = tuple[float, float]  # the largest x and y of a shape


def check_not_fractions(where: Path | str, corners: Iterable[Corner]) -> None:
    """Raise InputError if all shapes are inside the first pixel of their image, and not all are that pixel.

    Scripts divide coordinates by the image size for YOLO and write them into other formats; read as pixels, every
    defect would be a speck in the corner.
    """
    listed = list(corners)
    values = [value for corner in listed for value in corner]
    if any(value % 1 for value in values) and all(0 <= value <= 1 for value in values):
        problem = f"all {len(listed)} shapes are inside the first pixel of their image"
        remedy = "multiply the coordinates by the width and height: they seem to be fractions of the image"
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


def shape_corners(images: Iterable[ToolImage]) -> list[Corner]:
    """The largest x and y of each shape of an export; other shapes than boxes and polygons count as in pixels."""
    corners: list[Corner] = []
    for image in images:
        for shape in image.shapes:
            if isinstance(shape.geometry, BoxShape):
                corners.append((shape.geometry.x1, shape.geometry.y1))
            elif isinstance(shape.geometry, PolygonShape):
                xs, ys = zip(*shape.geometry.points, strict=True) if shape.geometry.points else ((2.0,), (2.0,))
                corners.append((max(xs), max(ys)))
            else:
                corners.append((2.0, 2.0))
    return corners
