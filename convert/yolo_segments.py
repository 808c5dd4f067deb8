"""Instance masks as YOLO segments: rings that Ultralytics draws as the mask, holes and parts as requested."""

from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.masks.bridged_ring import join_owners
from datasets.masks.component import Component, fill_holes, mask_to_component, shared_pixels
from datasets.masks.drawn_outline import box_gap, drawn_outlines, inset_for, touch_boxes
from datasets.masks.drawn_segment import draw_segment
from datasets.masks.find_components import components
from datasets.masks.pixel_runs import PixelRuns, runs_of_components
from datasets.masks.ring_table import RingTable, merge_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Points = NDArray[np.float64]  # n x 2 of (x, y) in pixels, not closed

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
    """`instance_rings` of one H x W mask that is not empty."""
    height, width = mask.shape
    table, changes = instance_rings(runs_of_components([mask_to_component(mask)]), [(height, width)], style)
    return table.rings(), changes[0]


def instance_rings(
    runs: PixelRuns, sizes: "Sequence[tuple[int, int]]", style: Style
) -> tuple[RingTable, list[list[Change]]]:
    """The rings in pixels of N instances in images of `sizes` (height, width); (code, value) of what changed."""
    import numpy as np

    insets = np.array([inset_for(style.imgsz / max(size)) for size in sizes])
    gaps = np.array([box_gap(*size) for size in sizes]).reshape(-1, 2)
    outlines, areas = drawn_outlines(runs, insets)
    changes: list[list[Change]] = [[] for _ in sizes]
    parts: list[Component] = []
    part_of: list[int] = []
    stops = np.cumsum(np.bincount(outlines.owner, minlength=len(sizes)))
    for k in np.flatnonzero(np.diff(stops, prepend=0) > 1).tolist():
        own = areas[stops[k - 1] if k else 0 : stops[k]]
        replaced, changes[k] = _apply_style(runs, k, own, style)
        parts += replaced
        part_of += [k] * len(replaced)
    if not parts:
        return _finish(outlines, runs.boxes, gaps), changes
    is_kept = np.ones(len(sizes), np.bool_)
    is_kept[part_of] = False
    kept = _finish(outlines.select(is_kept[outlines.owner]), runs.boxes, gaps)
    part_runs = runs_of_components(parts)
    split = _finish(drawn_outlines(part_runs, insets[part_of])[0], part_runs.boxes, gaps[part_of])
    renumbered = RingTable(split.points, split.lengths, np.array(part_of)[split.owner])
    return merge_tables([kept, renumbered]), changes


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


def _apply_style(
    runs: PixelRuns, mask: int, areas: "NDArray[np.float64]", style: Style
) -> tuple[list[Component], list[Change]]:
    """What replaces a mask whose several rings have these areas, nothing where it stays; what that changes."""
    changes: list[Change] = []
    outer, in_holes = int((areas > 0).sum()), -int(areas[areas < 0].sum())
    whole = runs.component(mask) if style.parts != "bridge" or (in_holes and outer > 1) else None
    if in_holes and whole is not None:  # parts in holes are not in them
        in_holes = int(fill_holes(whole.pixels).sum()) - whole.area
    if in_holes:
        changes.append((f"hole-{style.holes}", f"{in_holes} px"))
    is_filled = bool(in_holes) and style.holes == "fill"
    if style.parts == "bridge" and not is_filled:
        if outer > 1:
            changes.append((f"parts-{style.parts}", f"{outer} parts"))
        return [], changes
    whole = whole or runs.component(mask)
    pixels = fill_holes(whole.pixels) if is_filled else whole.pixels
    found = components(pixels)
    if len(found) > 1:
        changes.append((f"parts-{style.parts}", f"{len(found)} parts"))
    if style.parts == "bridge":
        return [Component(whole.box, pixels)], changes
    chosen = found if style.parts == "split" else [max(found, key=lambda part: part.area)]
    x, y, _, _ = whole.box
    return [Component((part.box[0] + x, part.box[1] + y, *part.box[2:]), part.pixels) for part in chosen], changes


def _finish(outlines: RingTable, boxes: "NDArray[np.int64]", gaps: "NDArray[np.float64]") -> RingTable:
    """One ring for each mask, in image pixels."""
    joined, _ = join_owners(outlines)
    touching = touch_boxes(joined, boxes[:, 2:], gaps)
    points = touching.points + boxes[touching.owner_of_point(), :2]
    return RingTable(points, touching.lengths, touching.owner)
