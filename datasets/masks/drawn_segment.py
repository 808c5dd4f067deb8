"""The pixels of a YOLO segment, drawn as Ultralytics draws it at the original size of the image.

Source: `resample_segments` and `polygon2mask` of ultralytics 8.4. The pixels are the same, with one exception:
lines that only connect the parts of a segment are not drawn (see `split_at_bridges`).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datasets.masks.component import Component, mask_to_component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLED = 1000  # points to which Ultralytics resamples each segment
MIN_PART = 1e-6  # pixels; a smaller area is a rounding error of a line followed in both directions

Point = tuple[float, float]


def draw_segment(values: Sequence[float], longest: int, height: int, width: int) -> Component | None:
    """The pixels of the segment with normalised coordinates `values` (x1, y1, x2, y2, ...); None without a pixel.

    `longest` is the number of points of the longest segment of the image of height x width pixels.
    """
    import cv2
    import numpy as np

    size = np.array([width, height], np.float32)
    ring = np.array(values, np.float32).reshape(-1, 2)
    total = RESAMPLED if longest <= RESAMPLED else longest + 1
    rings = [
        (_resample(part, total) * size).astype(np.int32) for part in split_at_bridges(ring, float(width * height))
    ]
    everything = np.concatenate(rings)
    x0, y0 = np.maximum(everything.min(axis=0), 0).tolist()
    x1, y1 = np.minimum(everything.max(axis=0) + 1, (width, height)).tolist()
    if x0 >= x1 or y0 >= y1:
        return None
    crop = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(crop, [part - np.array((x0, y0), np.int32) for part in rings], 1)
    if not crop.any():
        return None
    drawn = mask_to_component(crop.astype(np.bool_))
    x, y, w, h = drawn.box
    return Component((x + x0, y + y0, w, h), drawn.pixels)


def split_at_bridges(ring: "NDArray[np.float32]", pixels: float) -> "list[NDArray[np.float32]]":
    """The rings that an n x 2 ring connects by lines followed in both directions, in an image of `pixels` pixels.

    Such a line is a bridge if the ring encloses an area at both ends of it. Otherwise it is a part of the outline,
    for example the end of a thin crack traced through the centres of its pixels.
    """
    import numpy as np

    points: list[Point] = [(x, y) for x, y in ring.tolist()]
    if len(set(points)) == len(points):
        return [ring]
    area_left = _area(points) * pixels
    found: list[list[Point]] = []
    path: list[Point] = []
    open_at: dict[tuple[Point, Point], list[int]] = {}  # the index in the path at which each side begins
    for here, there in zip(points, [*points[1:], points[0]], strict=True):
        if there == here:
            continue
        if begins := open_at.get((there, here)):
            start = begins[-1]
            inner = path[start + 1 :]
            area = _area(inner) * pixels
            if abs(area) > MIN_PART and abs(area_left - area) > MIN_PART:
                for side in zip(path[start:], [*path[start + 1 :], here], strict=True):
                    open_at[side].pop()
                del path[start:]
                found.append(inner)
                area_left -= area
                continue
        open_at.setdefault((here, there), []).append(len(path))
        path.append(here)
    return [np.array(part, np.float32) for part in [path or points[:1], *found]]


def _area(ring: Sequence[Point]) -> float:
    sides = zip(ring, [*ring[1:], *ring[:1]], strict=True)
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in sides) / 2


def _resample(ring: "NDArray[np.float32]", total: int) -> "NDArray[np.float32]":
    """The corners of a ring and points between them, at equal steps of the index, `total` points together."""
    import numpy as np

    count = len(ring)
    if count == total:
        return ring
    closed = np.concatenate((ring, ring[:1]))
    corners = np.arange(count + 1)
    steps = np.linspace(0, count, max(total - count - 1, 0))
    at = np.insert(steps, np.searchsorted(steps, corners), corners)
    x, y = (np.interp(at, corners, closed[:, axis]) for axis in (0, 1))
    return np.stack((x, y), axis=1).astype(np.float32)
