"""Polygons that cover exactly the pixels of a mask: traced along the sides of the pixels, not through centres."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from datasets.coco import Polygons, Segmentation
from datasets.masks.component import Component
from datasets.masks.edges import component_to_rle
from datasets.masks.pixel_rings import ring_area, split_at_touches, trace_rings
from datasets.masks.rle import to_rle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely import MultiPolygon, Polygon


def component_to_segmentation(component: Component, height: int, width: int, how: str) -> Segmentation:
    """COCO segmentation of a component: `how` is rle, polygon or auto.

    `polygon` gives polygons wherever they cover the same pixels as the run-length form (no polygon has holes),
    `auto` only where they are not longer than the run-length form as well.
    """
    rle = component_to_rle(component, height, width)
    if how == "rle":
        return rle
    polygons = component_to_polygons(component)
    if polygons is None or to_rle(polygons, height, width) != rle:
        return rle
    if how == "auto" and _written_length(polygons) > len(str(rle.counts)):
        return rle
    return polygons


def component_to_polygons(component: Component) -> Polygons | None:
    """One polygon [x1, y1, x2, y2, ...] in image pixels per 4-connected part, None where a part has a hole."""
    outline = pixel_outline(component.pixels)
    parts = list(getattr(outline, "geoms", [outline]))
    if any(part.interiors for part in parts):
        return None
    x, y, _, _ = component.box
    return [
        [v for px, py in list(part.exterior.coords)[:-1] for v in (int(px) + x, int(py) + y)] for part in parts
    ]


def pixel_outline(pixels: "NDArray[np.bool_]") -> "Polygon | MultiPolygon":
    """The shapely polygon(s) that cover exactly the True pixels of an h x w crop, with corners only, normalised.

    One polygon for each 4-connected part.
    """
    import shapely

    rings = [simple for ring in trace_rings(pixels, 4) for simple in split_at_touches(ring)]
    shells = [ring for ring in rings if ring_area(ring) > 0]
    holes: list[list[NDArray[np.int64]]] = [[] for _ in shells]
    if len(rings) > len(shells):
        owner = _owners(pixels, shells)
        for ring in rings:
            if ring_area(ring) < 0:
                holes[owner(ring)].append(ring)
    parts = [shapely.Polygon(shell, inner) for shell, inner in zip(shells, holes, strict=True)]
    outline = shapely.MultiPolygon(parts) if len(parts) > 1 else parts[0]
    return outline.normalize()  # type: ignore[return-value]


def _owners(
    pixels: "NDArray[np.bool_]", shells: "Sequence[NDArray[np.int64]]"
) -> "Callable[[NDArray[np.int64]], int]":
    """A function that returns the index of the shell around the pixels beside a ring."""
    if len(shells) == 1:
        return lambda _ring: 0
    import cv2
    import numpy as np

    _, labels = cv2.connectedComponents(pixels.astype(np.uint8), connectivity=4)
    shell_of = {int(labels[_pixel_beside(shell)]): i for i, shell in enumerate(shells)}
    return lambda ring: shell_of[int(labels[_pixel_beside(ring)])]


def _pixel_beside(ring: "NDArray[np.int64]") -> tuple[int, int]:
    """Row and column of a mask pixel on the right-hand side of the first side of a ring."""
    (x0, y0), (x1, y1) = ring[:2].tolist()
    row = y0 if x1 > x0 or y1 > y0 else y0 - 1
    column = x0 if x1 > x0 or y1 < y0 else x0 - 1
    return row, column


def _written_length(polygons: Polygons) -> int:
    return sum(len(str(v)) + 1 for polygon in polygons for v in polygon)
