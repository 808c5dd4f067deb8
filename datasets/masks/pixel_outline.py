"""Polygons that cover exactly the pixels of a mask: they follow the sides of pixels, not their centres."""

from typing import TYPE_CHECKING

from datasets.coco import Polygons, Segmentation, SegmentationForm
from datasets.masks.component import Component
from datasets.masks.edges import component_to_rle
from datasets.masks.part_rings import part_rings
from datasets.masks.rle import to_rle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from shapely import MultiPolygon, Polygon


def component_to_segmentation(
    component: Component, height: int, width: int, form: SegmentationForm
) -> Segmentation:
    """COCO segmentation of a component in an image of height x width pixels, in the given form.

    `polygon` gives polygons if they cover the same pixels as run lengths (polygons cannot have holes), otherwise
    run lengths. `auto` gives polygons only if they are also not longer.
    """
    rle = component_to_rle(component, height, width)
    if form == "rle":
        return rle
    polygons = component_to_polygons(component)
    if polygons is None or to_rle(polygons, height, width) != rle:
        return rle
    if form == "auto" and _written_length(polygons) > len(str(rle.counts)):
        return rle
    return polygons


def component_to_polygons(component: Component) -> Polygons | None:
    """One polygon [x1, y1, x2, y2, ...] in image pixels per 4-connected part, None if a part has a hole."""
    parts = part_rings(component.pixels)
    if any(part.holes for part in parts):
        return None
    import numpy as np

    polygons: Polygons = [np.add(part.shell, component.box[:2]).ravel().tolist() for part in parts]
    return polygons


def pixel_outline(pixels: "NDArray[np.bool_]") -> "Polygon | MultiPolygon":
    """The shapely polygon(s) that cover exactly the True pixels of an h x w crop, with corners only, normalised.

    One polygon for each 4-connected part.
    """
    import shapely

    parts = [shapely.Polygon(part.shell, part.holes) for part in part_rings(pixels)]
    outline = shapely.MultiPolygon(parts) if len(parts) > 1 else parts[0]
    return outline.normalize()  # type: ignore[return-value]


def _written_length(polygons: Polygons) -> int:
    return sum(len(str(v)) + 1 for polygon in polygons for v in polygon)
