"""Outlines that OpenCV draws as the mask they came from, at its own size and as a training resizes it.

`cv2.fillPoly` fills the inside of a polygon and draws its sides on top, so that every pixel that a side passes is
filled. Ultralytics multiplies the points of a segment by the size of the resized image, cuts off their fractions,
and draws them (`ultralytics.data.utils.polygon2mask`). What it draws is therefore larger than the polygon by half
a pixel of the resized image on every side. The outlines here are smaller than the mask by that much.

docs/adr/0015-segments-as-ultralytics-draws-them.md has the reasons and the measurements.
"""

from typing import TYPE_CHECKING

from datasets.masks.pixel_rings import trace_rings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_INSET, MAX_INSET = 0.1, 0.95  # pixels; in between, every point stays inside its pixel
THIN_INSET = 0.49  # on both sides of what is one pixel wide, which leaves it a width and a direction
UNEVEN = 0.9137  # so that the middle of the line between two touching pixels is not exactly at their corner
BOX_GAP = 2.5e-4  # pixels between the outermost points and the box; a box of two decimals is exact
FLOAT32_GAP = 2.5e-7  # of the side of the image: four times the error of a 32-bit coordinate


def inset_for(scale: float) -> float:
    """The inset in pixels where an image is resized by `scale` before its segments are drawn."""
    return min(max(0.5 / scale, MIN_INSET), MAX_INSET)


def drawn_outline(pixels: "NDArray[np.bool_]", inset: float) -> "list[NDArray[np.float64]]":
    """Rings around the True pixels of an h x w mask, `inset` pixels inside of them, as n x 2 arrays of (x, y).

    Pixels that touch at a corner only are joined. Outer rings run clockwise, those of holes counter-clockwise.
    Every point is inside the pixel that it stands for, so that without fractions they give the mask exactly.
    """
    import numpy as np

    height, width = pixels.shape
    padded = np.zeros((height + 2, width + 2), np.bool_)
    padded[1:-1, 1:-1] = pixels
    thin_across = _sum_of_thin(padded[1:-1])  # h x w: pixels without a neighbour to the left and right, from above
    thin_along = _sum_of_thin(padded[:, 1:-1].T).T
    return [_inset_ring(ring, padded, thin_across, thin_along, inset) for ring in trace_rings(pixels, 8)]


def touch_box(
    ring: "NDArray[np.float64]", pixels: "NDArray[np.bool_]", gap: tuple[float, float]
) -> "NDArray[np.float64]":
    """An outer ring with a spike towards each side of the box of the h x w `pixels`, up to `gap` (x, y) from it.

    Readers that take the box of a segment from its points then take that of the mask. The spikes stay inside the
    outermost pixels.
    """
    import numpy as np

    height, width = pixels.shape
    tips = ((0, 0.0, gap[0]), (0, float(width), -gap[0]), (1, 0.0, gap[1]), (1, float(height), -gap[1]))
    points = ring.tolist()
    nearest = [int(np.abs(ring[:, axis] - border).argmin()) for axis, border, _ in tips]
    for i, (axis, border, step) in enumerate(tips):
        k = nearest[i] + 2 * sum(other < nearest[i] for other in nearest[:i])
        tip = points[k].copy()
        tip[axis] = border + step
        points[k + 1 : k + 1] = [tip, points[k]]
    return np.array(points)


def box_gap(height: int, width: int) -> tuple[float, float]:
    """The gap for `touch_box` in an image of height x width pixels, in x and y."""
    return max(BOX_GAP, FLOAT32_GAP * width), max(BOX_GAP, FLOAT32_GAP * height)


def _sum_of_thin(rows: "NDArray[np.bool_]") -> "NDArray[np.int64]":
    """Of h x (w + 2) padded pixels, (h + 1) x w numbers of True pixels above without a neighbour in their row."""
    import numpy as np

    thin = rows[:, 1:-1] & ~rows[:, :-2] & ~rows[:, 2:]
    found = np.zeros((thin.shape[0] + 1, thin.shape[1]), np.int64)
    np.cumsum(thin, axis=0, out=found[1:])
    return found


def _inset_ring(
    ring: "NDArray[np.int64]",
    padded: "NDArray[np.bool_]",
    thin_across: "NDArray[np.int64]",
    thin_along: "NDArray[np.int64]",
    inset: float,
) -> "NDArray[np.float64]":
    import numpy as np

    start = ring[0::2]  # of the horizontal sides; a vertical side follows each
    turn = ring[1::2]
    stop = np.concatenate((start[1:], start[:1]))
    to_right, down = start[:, 0] < turn[:, 0], turn[:, 1] < stop[:, 1]
    # the pixels beside each side: below a side to the right, left of a side downwards
    row = start[:, 1] - ~to_right
    left, right = np.minimum(start[:, 0], turn[:, 0]), np.maximum(start[:, 0], turn[:, 0])
    is_thin_along = thin_along[row, right] > thin_along[row, left]
    column = turn[:, 0] - down
    top, bottom = np.minimum(turn[:, 1], stop[:, 1]), np.maximum(turn[:, 1], stop[:, 1])
    is_thin_across = thin_across[bottom, column] > thin_across[top, column]
    dy = np.where(is_thin_along, min(inset, THIN_INSET), inset) * np.where(to_right, 1, -1)
    dx = np.where(is_thin_across, min(inset, THIN_INSET), inset) * np.where(down, -1, 1)
    moved = ring.astype(np.float64)
    moved[0::2, 0] += np.concatenate((dx[-1:], dx[:-1]))
    moved[0::2, 1] += dy
    moved[1::2, 0] += dx
    moved[1::2, 1] += dy
    return _cut_touching_corners(ring, moved, padded)


def _cut_touching_corners(
    ring: "NDArray[np.int64]", moved: "NDArray[np.float64]", padded: "NDArray[np.bool_]"
) -> "NDArray[np.float64]":
    """At corners where two pixels touch, lead from inside the one to inside the other."""
    import numpy as np

    x, y = ring.T
    top_left, top_right = padded[y, x], padded[y, x + 1]
    touching = np.flatnonzero(
        (top_left == padded[y + 1, x + 1]) & (top_right == padded[y + 1, x]) & (top_left != top_right)
    )
    if not len(touching):
        return moved
    # `moved` is beside the corner, in the background; mirrored at the sides before and after, it is in the pixels
    before = np.roll(ring, 1, axis=0)[touching] - ring[touching]
    corner, offset = ring[touching], moved[touching] - ring[touching]
    along = before != 0  # the axis of the side before
    first = corner + UNEVEN * np.where(along, -offset, offset)
    second = corner + np.where(along, offset, -offset)
    moved[touching] = first
    return np.insert(moved, touching + 1, second, axis=0)
