"""Convert masks to polygons for tools that do not read run lengths; holes are kept by bridges."""

from typing import TYPE_CHECKING

from datasets.coco import Polygons, Segmentation

if TYPE_CHECKING:
    from datasets.masks.component import Component


Change = tuple[str, str]


def segmentation_rings(segmentation: Segmentation, height: int, width: int) -> tuple[Polygons, list[Change]]:
    """The rings [x1, y1, x2, y2, ...] of a mask of height x width pixels, and (code, value) of each event.

    Polygons are unchanged. The rings of a run-length mask cover exactly its pixels by the even-odd rule.
    """
    from datasets.coco import Rle
    from datasets.masks.edges import rle_to_component
    from datasets.masks.rle import to_rle

    if not isinstance(segmentation, Rle):
        return segmentation, []
    rle = to_rle(segmentation, height, width)
    return ([], []) if rle is None else component_rings(rle_to_component(rle))


def component_rings(component: "Component") -> tuple[Polygons, list[Change]]:
    """The rings of a component, one for each 4-connected part."""
    import numpy as np

    from datasets.masks.bridged_ring import join_rings
    from datasets.masks.pixel_outline import pixel_outline

    outline = pixel_outline(component.pixels)
    x, y, _, _ = component.box
    rings: Polygons = []
    holes = 0
    for part in getattr(outline, "geoms", [outline]):
        holes += len(part.interiors)
        corners = [np.asarray(ring.coords)[:-1, :2] for ring in (part.exterior, *part.interiors)]
        ring, _ = join_rings(corners)
        rings.append([_plain(v + offset) for point in ring for v, offset in zip(point, (x, y), strict=True)])
    return rings, [("hole-bridge", f"{holes} holes")] if holes else []


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value
