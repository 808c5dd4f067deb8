"""Instance masks as YOLO segments: rings that Ultralytics draws as the mask, holes and parts as requested."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.masks.bridged_ring import join_rings
from datasets.masks.component import Component, fill_holes, mask_to_component
from datasets.masks.drawn_outline import box_gap, drawn_outline, inset_for, touch_box
from datasets.masks.drawn_segment import draw_segment
from datasets.masks.find_components import components
from datasets.masks.pixel_rings import ring_area

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ULTRALYTICS_IMGSZ = 640  # pixels; its default
MIN_IOU = 0.99  # from which the points of a drawn polygon are kept

Change = tuple[str, str]
Points = Sequence[tuple[float, float]]


class Style(msgspec.Struct, frozen=True):
    """What a line of a label file is: a box or, with `segments`, one ring.

    `holes` and `parts` (8-connected) are how a ring represents holes and several parts. `imgsz` is the length in
    pixels to which training resizes the longer side of an image.
    """

    segments: bool = False
    holes: Literal["bridge", "fill"] = "bridge"
    parts: Literal["bridge", "split", "largest"] = "bridge"
    imgsz: int = ULTRALYTICS_IMGSZ


def mask_rings(mask: "NDArray[np.bool_]", style: Style) -> tuple[list[Points], list[Change]]:
    """The rings of an H x W mask that is not empty, in pixels, and as (code, value) what changed for them."""
    whole = mask_to_component(mask)
    inset = inset_for(style.imgsz / max(mask.shape))
    outline = drawn_outline(whole.pixels, inset)
    if len(outline) == 1:
        return [_ring(outline, whole, mask.shape)], []
    changes: list[Change] = []
    filled = fill_holes(whole.pixels)
    if in_holes := int(filled.sum()) - whole.area:
        changes.append((f"hole-{style.holes}", f"{in_holes} px"))
    is_filled = bool(in_holes) and style.holes == "fill"
    pixels = filled if is_filled else whole.pixels
    found = components(pixels) if style.parts != "bridge" or is_filled else []
    parts = len(found) or sum(ring_area(ring) > 0 for ring in outline)
    if parts > 1:
        changes.append((f"parts-{style.parts}", f"{parts} parts"))
    if style.parts == "bridge":
        outline = drawn_outline(pixels, inset) if is_filled else outline
        return [_ring(outline, Component(whole.box, pixels), mask.shape)], changes
    chosen = found if style.parts == "split" else [max(found, key=lambda part: part.area)]
    x, y, _, _ = whole.box
    placed = [Component((part.box[0] + x, part.box[1] + y, *part.box[2:]), part.pixels) for part in chosen]
    return [_ring(drawn_outline(part.pixels, inset), part, mask.shape) for part in placed], changes


def box_ring(corners: tuple[float, float, float, float], height: int, width: int) -> Points:
    """The corners of a box (x0, y0, x1, y1) in an image of height x width pixels, moved in so that it is drawn."""
    (gap_x, gap_y), (x0, y0, x1, y1) = box_gap(height, width), corners
    x0, x1 = min(x0 + gap_x, (x0 + x1) / 2), max(x1 - gap_x, (x0 + x1) / 2)
    y0, y1 = min(y0 + gap_y, (y0 + y1) / 2), max(y1 - gap_y, (y0 + y1) / 2)
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def is_drawn_alike(polygon: Points, mask: "NDArray[np.bool_]") -> bool:
    """Whether Ultralytics draws a polygon in pixels almost as the H x W mask, so that its points can stay."""
    height, width = mask.shape
    values = [v for x, y in polygon for v in (x / width, y / height)]
    drawn = draw_segment(values, len(polygon), height, width)
    if drawn is None:
        return False
    x, y, w, h = drawn.box
    shared = int((mask[y : y + h, x : x + w] & drawn.pixels).sum())
    return shared >= MIN_IOU * (int(mask.sum()) + drawn.area - shared)


def _ring(outline: "Sequence[NDArray[np.float64]]", part: Component, size: tuple[int, ...]) -> Points:
    import numpy as np

    ring, _ = join_rings(outline)
    touching = touch_box(np.array(ring), part.pixels, box_gap(*size)) + np.array(part.box[:2])
    return [(x, y) for x, y in touching.tolist()]
