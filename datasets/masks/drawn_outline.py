"""Outlines from which OpenCV draws the original mask, at its original size and at the size used in training.

`cv2.fillPoly` fills the inside of a polygon and also draws its sides, so it fills every pixel that a side crosses.
Ultralytics multiplies the points of a segment by the size of the resized image, drops the fractions, and draws the
polygon (`ultralytics.data.utils.polygon2mask`). The drawn mask is therefore larger than the polygon by half a
pixel of the resized image on every side. The outlines of this module are smaller than the mask by the same
distance.

docs/adr/0015-segments-as-ultralytics-draws-them.md has the reasons and the measurements.
"""

from typing import TYPE_CHECKING

from datasets.masks.pixel_rings import trace_runs
from datasets.masks.pixel_runs import PixelRuns, runs_of_crop
from datasets.masks.ring_table import RingTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_INSET, MAX_INSET = 0.1, 0.98  # pixels; in between, every point stays inside its pixel
THIN_INSET = 0.49  # on both sides of parts one pixel wide; a small width remains, so the ring keeps its direction
UNEVEN = 0.9137  # moves the middle of the line between two touching pixels away from their corner
BOX_GAP = 2.5e-4  # pixels between the outermost points and the box; a box of two decimals is exact
FLOAT32_GAP = 2.5e-7  # fraction of the side of the image: four times the error of a 32-bit coordinate


def inset_for(scale: float) -> float:
    """The inset in pixels for an image that is resized by `scale` before its segments are drawn."""
    return min(max(0.5 / scale, MIN_INSET), MAX_INSET)


def drawn_outline(pixels: "NDArray[np.bool_]", inset: float) -> "list[NDArray[np.float64]]":
    """Rings around the True pixels of an h x w mask, `inset` pixels inside of them, as n x 2 arrays of (x, y).

    Pixels that touch only at a corner are joined. Outer rings run clockwise, rings of holes counter-clockwise.
    Every point is inside the pixel that it represents, so points rounded down to whole pixels give the exact mask.
    """
    import numpy as np

    return drawn_outlines(runs_of_crop(pixels), np.array([inset]))[0].rings()


def drawn_outlines(runs: PixelRuns, insets: "NDArray[np.float64]") -> "tuple[RingTable, NDArray[np.float64]]":
    """`drawn_outline` of N masks, each with its own inset, and the area of each ring before it is moved inwards.

    Coordinates are relative to the box of each mask. Areas are in pixels; rings of holes have negative areas.
    """
    traced, touching = trace_runs(runs, 8)
    return _inset_rings(traced, touching, insets), traced.areas()


def touch_boxes(table: RingTable, sizes: "NDArray[np.int64]", gaps: "NDArray[np.float64]") -> RingTable:
    """Outer rings with a spike towards each side of their boxes; a gap remains between the spike and the side.

    `sizes` (w, h of the box) and `gaps` (x, y) are N x 2 for the owners of the rings. Readers that take the box of
    a segment from its points then get the box of the mask. The spikes stay inside the outermost pixels.
    """
    import numpy as np

    if not len(table.lengths):
        return table
    starts, points = table.starts, table.points
    size, gap = sizes[table.owner], gaps[table.owner]
    nothing = np.zeros(len(starts))
    tips = (
        (0, nothing, gap[:, 0]),
        (0, size[:, 0], -gap[:, 0]),
        (1, nothing, gap[:, 1]),
        (1, size[:, 1], -gap[:, 1]),
    )
    nearest, spikes = [], []
    for axis, border, step in tips:
        away = np.abs(points[:, axis] - np.repeat(border, table.lengths))
        is_nearest = np.flatnonzero(away == np.repeat(np.minimum.reduceat(away, starts), table.lengths))
        here = is_nearest[np.searchsorted(is_nearest, starts)]
        tip = points[here]
        tip[:, axis] = border + step
        nearest.append(here)
        spikes.append(np.stack((tip, points[here]), axis=1))
    at = np.concatenate(nearest)
    # if several spikes start at one point, the last comes first in the ring
    order = np.lexsort((-np.repeat(np.arange(4), len(starts)), at))
    inserted = np.concatenate(spikes)[order].reshape(-1, 2)
    touching = np.insert(points, np.repeat(at[order] + 1, 2), inserted, axis=0)
    return RingTable(touching, table.lengths + 8, table.owner)


def box_gap(height: int, width: int) -> tuple[float, float]:
    """The gap for `touch_box` in an image of height x width pixels, in x and y."""
    return max(BOX_GAP, FLOAT32_GAP * width), max(BOX_GAP, FLOAT32_GAP * height)


def _inset_rings(table: RingTable, touching: "NDArray[np.bool_]", insets: "NDArray[np.float64]") -> RingTable:
    import numpy as np

    if not len(table.lengths):
        return table
    after, before = table.next_point()[1::2], table.previous_point()[0::2]
    start, turn = table.points[0::2], table.points[1::2]  # of the horizontal sides; vertical sides follow
    stop = table.points[after]
    to_right, down = start[:, 0] < turn[:, 0], turn[:, 1] < stop[:, 1]
    owner = np.repeat(table.owner, table.lengths // 2)
    dx = dy = inset = insets[owner]
    if insets.max() > THIN_INSET:
        thin = np.minimum(inset, THIN_INSET)
        # the position of a side on the other side of the adjacent pixels: one line below a side that leads to the
        # right
        across = _is_opposite(owner, start[:, 1], start[:, 0], turn[:, 0], np.where(to_right, 1, -1))
        dy = np.where(across, thin, inset)
        across = _is_opposite(owner, turn[:, 0], turn[:, 1], stop[:, 1], np.where(down, -1, 1))
        dx = np.where(across, thin, inset)
    dy, dx = dy * np.where(to_right, 1, -1), dx * np.where(down, -1, 1)
    moved = table.points.copy()
    moved[0::2, 0] += dx[before >> 1]
    moved[0::2, 1] += dy
    moved[1::2, 0] += dx
    moved[1::2, 1] += dy
    return _cut_touching_corners(table, moved, np.flatnonzero(touching))


def _is_opposite(
    owner: "NDArray[np.int64]",
    line: "NDArray[np.float64]",
    begin: "NDArray[np.float64]",
    end: "NDArray[np.float64]",
    step: "NDArray[np.int64]",
) -> "NDArray[np.bool_]":
    """For each of N parallel sides, whether another side is `step` lines away, with only mask in between.

    Then a part of the mask along the side is one pixel wide.
    """
    import numpy as np

    low, high = np.minimum(begin, end).astype(np.int64), np.maximum(begin, end).astype(np.int64)
    lines, length = int(line.max()) + 3, int(high.max()) + 1
    place = (owner * lines + line.astype(np.int64) + 1) * length
    order = np.argsort(place + low)
    beside = place + step * length
    first = np.searchsorted((place + high)[order], beside + low, "right")
    return np.asarray(np.searchsorted((place + low)[order], beside + high, "left") > first)


def _cut_touching_corners(
    table: RingTable, moved: "NDArray[np.float64]", touching: "NDArray[np.int64]"
) -> RingTable:
    """At corners where two pixels touch, lead the ring from the inside of one to the inside of the other."""
    import numpy as np

    if not len(touching):
        return RingTable(moved, table.lengths, table.owner)
    # `moved` is next to the corner, in the background; mirrored at the sides before and after, it is in the pixels
    corner = table.points[touching]
    along = table.points[table.previous_point()[touching]] != corner  # the axis of the side before
    offset = moved[touching] - corner
    first = corner + UNEVEN * np.where(along, -offset, offset)
    second = corner + np.where(along, offset, -offset)
    moved[touching] = first
    added = np.bincount(table.ring_of_point()[touching], minlength=len(table.lengths))
    return RingTable(np.insert(moved, touching + 1, second, axis=0), table.lengths + added, table.owner)
