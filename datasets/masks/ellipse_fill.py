"""Ellipses to pixels, exactly: a pixel is inside if its centre is inside or on the outline."""

import math
from typing import TYPE_CHECKING

from datasets.masks.edges import cancel_pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def ellipse_extents(cx: float, cy: float, rx: float, ry: float, angle: float) -> tuple[float, float, float, float]:
    """Smallest x and y, largest x and y of an ellipse, in pixels; see `ellipse_edges`."""
    cos, sin = _turn(angle)
    half_width = math.sqrt((cos * rx) ** 2 + (sin * ry) ** 2)
    half_height = math.sqrt((sin * rx) ** 2 + (cos * ry) ** 2)
    return cx - half_width, cy - half_height, cx + half_width, cy + half_height


def ellipse_edges(
    cx: float, cy: float, rx: float, ry: float, angle: float, height: int, width: int
) -> "NDArray[np.int64]":
    """The edges (see datasets.masks.edges) of an ellipse in an image of height x width pixels.

    (cx, cy) is the centre and rx, ry are the half axes in pixels, above 0; `angle` turns it clockwise, in degrees.
    In each column of pixel centres the inside is between the two roots of the quadratic equation of the outline.
    """
    import numpy as np

    cos, sin = _turn(angle)
    x0, _, x1, _ = ellipse_extents(cx, cy, rx, ry, angle)
    columns = np.arange(min(width, max(0, math.floor(x0))), max(0, min(width, math.ceil(x1))))
    across = (cos * rx) ** 2 + (sin * ry) ** 2
    offset = columns + 0.5 - cx
    room = across - offset**2
    columns, offset, reach = columns[room >= 0], offset[room >= 0], np.sqrt(room[room >= 0])
    reach *= rx * ry / across
    middle = cy + offset * (sin * cos * (rx**2 - ry**2) / across)
    begin = np.clip(np.ceil(middle - reach - 0.5), 0, height).astype(np.int64)
    end = np.clip(np.floor(middle + reach - 0.5) + 1, 0, height).astype(np.int64)
    met = end > begin
    return cancel_pairs((np.stack((begin, end), axis=1) + (columns * height)[:, None])[met].ravel())


def _turn(angle: float) -> tuple[float, float]:
    """Cosine and sine, exact for multiples of a right angle."""
    quarter, rest = divmod(angle, 90)
    if rest == 0:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(quarter) % 4]
    return math.cos(math.radians(angle)), math.sin(math.radians(angle))
