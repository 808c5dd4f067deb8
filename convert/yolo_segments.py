"""Instance masks as YOLO segments: rings that Ultralytics draws as the mask, holes and parts as requested."""

from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.masks.bridged_ring import join_rings
from datasets.masks.component import Component, fill_holes, mask_to_component, shared_pixels
from datasets.masks.drawn_outline import box_gap, drawn_outline, inset_for, touch_box
from datasets.masks.drawn_segment import draw_segment
from datasets.masks.find_components import components
from datasets.masks.pixel_rings import ring_area

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Points = NDArray[np.float64]  # n x 2 of (x, y) in pixels, not closed
    Rings = list[NDArray[np.float64]]

ULTRALYTICS_IMGSZ = 640  # pixels; its default
MIN_IOU = 0.99  # from which the points of a drawn polygon are kept

Change = tuple[str, str]


class Style(msgspec.Struct, frozen=True):
    """What a line of a label file is: a box or, with `segments`, one ring.

    `holes` and `parts` (8-connected) are how a ring represents holes and several parts. `imgsz` is the length in
    pixels to which training resizes the longer side of an image.
    """

    segments: bool = False
    holes: Literal["bridge", "fill"] = "bridge"
    parts: Literal["bridge", "split", "largest"] = "bridge"
    imgsz: int = ULTRALYTICS_IMGSZ


def mask_rings(mask: "NDArray[np.bool_]", style: Style) -> "tuple[list[Points], list[Change]]":
    """`component_rings` of an H x W mask that is not empty."""
    height, width = mask.shape
    return component_rings(mask_to_component(mask), (height, width), style)


def component_rings(whole: Component, size: tuple[int, int], style: Style) -> "tuple[list[Points], list[Change]]":
    """The rings of an instance in an image of `size` (height, width), and as (code, value) what changed."""
    inset = inset_for(style.imgsz / max(size))
    outline = drawn_outline(whole.pixels, inset)
    if len(outline) == 1:
        return [_ring(outline, whole, size)], []
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
        return [_ring(outline, Component(whole.box, pixels), size)], changes
    chosen = found if style.parts == "split" else [max(found, key=lambda part: part.area)]
    x, y, _, _ = whole.box
    placed = [Component((part.box[0] + x, part.box[1] + y, *part.box[2:]), part.pixels) for part in chosen]
    return [_ring(drawn_outline(part.pixels, inset), part, size) for part in placed], changes


def box_ring(corners: tuple[float, float, float, float], height: int, width: int) -> "Points":
    """The corners of a box (x0, y0, x1, y1) in an image of height x width pixels, moved in so that it is drawn."""
    import numpy as np

    (gap_x, gap_y), (x0, y0, x1, y1) = box_gap(height, width), corners
    x0, x1 = min(x0 + gap_x, (x0 + x1) / 2), max(x1 - gap_x, (x0 + x1) / 2)
    y0, y1 = min(y0 + gap_y, (y0 + y1) / 2), max(y1 - gap_y, (y0 + y1) / 2)
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def is_drawn_alike(polygon: "Points", component: Component, size: tuple[int, int]) -> bool:
    """Whether Ultralytics draws a polygon almost as a component in an image of `size` (height, width).

    Its points can stay then.
    """
    height, width = size
    drawn = draw_segment((polygon / (width, height)).ravel().tolist(), len(polygon), height, width)
    if drawn is None:
        return False
    shared = shared_pixels(drawn, component)
    return shared >= MIN_IOU * (component.area + drawn.area - shared)


def _ring(outline: "Rings", part: Component, size: tuple[int, int]) -> "Points":
    import numpy as np

    ring, _ = join_rings(outline)
    touching = touch_box(np.array(ring), part.pixels, box_gap(*size))
    touching += part.box[:2]
    return touching
