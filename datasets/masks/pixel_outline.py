"""Polygons that say exactly what a mask says: traced along the edges of the pixels, not through their centres."""

from itertools import pairwise
from typing import TYPE_CHECKING

from datasets.coco import Polygons, Segmentation
from datasets.masks.component import Component
from datasets.masks.rle import component_to_rle, to_rle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely import LinearRing, MultiPolygon, Polygon


def component_to_segmentation(component: Component, height: int, width: int, how: str) -> Segmentation:
    """COCO segmentation of a component: `how` is rle, polygon or auto.

    `polygon` gives polygons wherever they say the same pixels as the run-length form (a hole cannot be said),
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
    """One polygon [x1, y1, x2, y2, ...] in picture pixels per 4-connected part, None where a part has a hole."""
    outline = pixel_outline(component.pixels)
    parts = list(getattr(outline, "geoms", [outline]))
    if any(part.interiors for part in parts):
        return None
    x, y, _, _ = component.box
    return [
        [v for px, py in list(part.exterior.coords)[:-1] for v in (int(px) + x, int(py) + y)] for part in parts
    ]


def pixel_outline(pixels: "NDArray[np.bool_]") -> "Polygon | MultiPolygon":
    """The shapely polygon(s) covering exactly the True pixels of an h x w crop, with corners only."""
    import numpy as np
    import shapely

    padded = np.zeros((pixels.shape[0], pixels.shape[1] + 2), np.int8)
    padded[:, 1:-1] = pixels
    rows, starts = np.nonzero(np.diff(padded, axis=1) == 1)
    _, ends = np.nonzero(np.diff(padded, axis=1) == -1)
    union = shapely.union_all(shapely.box(starts, rows, ends, rows + 1))
    parts: list[Polygon] = [_corners(part) for part in getattr(union, "geoms", [union])]
    outline = shapely.MultiPolygon(parts) if len(parts) > 1 else parts[0]
    return outline.normalize()  # type: ignore[return-value]


def _corners(polygon: "Polygon") -> "Polygon":
    import shapely

    return shapely.Polygon(_ring_corners(polygon.exterior), [_ring_corners(ring) for ring in polygon.interiors])


def _ring_corners(ring: "LinearRing") -> list[tuple[float, ...]]:
    points = list(ring.coords)
    closed = [points[-2], *points]
    kept = []
    for (before, here), (_, after) in pairwise(pairwise(closed)):
        straight = (before[0] == here[0] == after[0]) or (before[1] == here[1] == after[1])
        if not straight:
            kept.append(here)
    return kept


def _written_length(polygons: Polygons) -> int:
    return sum(len(str(v)) + 1 for polygon in polygons for v in polygon)
