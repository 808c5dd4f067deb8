"""Trace the rings around the pixels of a mask: along the sides of the pixels, with corners only.

A ring is a closed walk over pixel corners, alternately horizontal and vertical, with the mask on its right-hand
side (y points down): outer rings run clockwise on the screen, the rings of holes counter-clockwise.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def trace_rings(pixels: "NDArray[np.bool_]", connectivity: int) -> "list[NDArray[np.int64]]":
    """The rings of an h x w bool mask, each an n x 2 array of (x, y) pixel corners, not closed.

    They are sorted by their topmost, then leftmost corner, and start with a horizontal side. Where two pixels
    touch only at a corner, the ring passes that corner twice: with `connectivity` 8 it leads from one pixel to the
    other, with 4 it does not.

    >>> import numpy as np
    >>> trace_rings(np.array([[True, True]]), 8)[0].tolist()
    [[0, 0], [2, 0], [2, 1], [0, 1]]
    """
    import numpy as np

    height, width = pixels.shape
    padded = np.zeros((height + 2, width + 2), np.int8)
    padded[1:-1, 1:-1] = pixels
    # the four pixels around each corner: top left 1, top right 2, bottom left 4, bottom right 8
    around = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, :-1] + 8 * padded[1:, 1:]
    y, x = np.nonzero(_is_corner()[around])
    pattern = around[y, x]
    twice = (pattern == 6) | (pattern == 9)
    copies = np.repeat(np.arange(len(x)), twice + 1)
    is_second = np.zeros(len(copies), np.int64)
    is_second[1:] = copies[1:] == copies[:-1]
    x, y, pattern = x[copies], y[copies], pattern[copies]
    # along a row, corners follow one another as the ends of horizontal sides: 0-1, 2-3, ...
    count = len(x)
    horizontal = np.arange(count) ^ 1
    # the same along a column; of a corner passed twice, the first copy has the side to the left: it continues
    # upwards where the pixels are top right and bottom left and joined, or top left and bottom right and separate
    upwards_first = (pattern == 6) == (connectivity == 8)
    down = np.where(upwards_first, is_second, 1 - is_second)
    order = np.argsort((x * (height + 1) + y) * 2 + down)  # no two are equal
    vertical = np.empty(count, np.int64)
    vertical[order] = order[np.arange(count) ^ 1]
    return _walk(x, y, horizontal.tolist(), vertical.tolist(), pattern)


@cache
def _is_corner() -> "NDArray[np.bool_]":
    """Whether a ring turns at a corner, for each pattern of the four pixels around it."""
    import numpy as np

    turns = np.ones(16, np.bool_)
    turns[[0, 3, 5, 10, 12, 15]] = False  # all equal, or the two halves equal
    return turns


def split_at_touches(ring: "NDArray[np.int64]") -> "list[NDArray[np.int64]]":
    """The simple rings of a ring that passes some corners twice; one that passes none twice is the only one."""
    corners = list(map(tuple, ring.tolist()))
    if len(set(corners)) == len(corners):
        return [ring]
    import numpy as np

    simple: list[list[tuple[int, ...]]] = []
    path: list[tuple[int, ...]] = []
    position: dict[tuple[int, ...], int] = {}
    for corner in corners:
        if corner in position:
            start = position[corner]
            simple.append(path[start:])
            for gone in path[start:]:
                del position[gone]
            del path[start:]
        position[corner] = len(path)
        path.append(corner)
    return [np.array(loop) for loop in [*simple, path]]


def ring_area(ring: "NDArray[np.int64] | NDArray[np.float64]") -> float:
    """The enclosed area in pixels: positive for an outer ring, negative for the ring of a hole."""
    import numpy as np

    x, y = ring.T
    return float(np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:]) + x[-1] * y[0] - y[-1] * x[0]) / 2


def _walk(
    x: "NDArray[np.int64]",
    y: "NDArray[np.int64]",
    horizontal: list[int],
    vertical: list[int],
    pattern: "NDArray[np.int64]",
) -> "list[NDArray[np.int64]]":
    import numpy as np

    corners = np.stack((x, y), axis=1)
    mask_is_below = (pattern & 8 != 0).tolist()  # of the horizontal side that begins here
    unvisited = [True] * len(horizontal)
    rings = []
    for first in range(0, len(horizontal), 2):
        if not unvisited[first]:
            continue
        here = first if mask_is_below[first] else first + 1
        ring: list[int] = []
        while unvisited[here]:
            there = horizontal[here]
            unvisited[here] = unvisited[there] = False
            ring += (here, there)
            here = vertical[there]
        rings.append(corners[ring])
    return rings
