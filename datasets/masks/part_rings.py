"""The outlines of the 4-connected parts of a mask, in a fixed order."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from datasets.masks.pixel_rings import ring_area, split_at_touches, trace_rings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PartRings(NamedTuple):
    """One part: its outer ring and those of its holes, each an n x 2 array of (x, y) pixel corners, not closed.

    The outer ring runs counter-clockwise on the screen and begins at the leftmost, then topmost corner.
    """

    shell: "NDArray[np.int64]"
    holes: "list[NDArray[np.int64]]"


def part_rings(pixels: "NDArray[np.bool_]") -> list[PartRings]:
    """The 4-connected parts of the True pixels of an h x w crop, with corners only.

    Rings and parts are in the order of shapely's `normalize`: the part with the most corners first.
    """
    rings = [simple for ring in trace_rings(pixels, 4) for simple in split_at_touches(ring)]
    shells = [ring for ring in rings if ring_area(ring) > 0]
    holes: list[list[NDArray[np.int64]]] = [[] for _ in shells]
    if len(rings) > len(shells):
        owner = _owners(pixels, shells)
        for ring in rings:
            if ring_area(ring) < 0:
                holes[owner(ring)].append(ring)
    parts = [PartRings(_from_leftmost(shell), inner) for shell, inner in zip(shells, holes, strict=True)]
    if len(parts) > 1:
        parts.sort(key=lambda part: (len(part.shell), part.shell.tolist()), reverse=True)
    return parts


def _from_leftmost(ring: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """An outer ring the other way round, beginning at its leftmost, then topmost corner."""
    import numpy as np

    x, y = ring.T
    left = np.flatnonzero(x == x.min())
    first = int(left[y[left].argmin()])
    return np.concatenate((ring[first::-1], ring[:first:-1]))


def _owners(
    pixels: "NDArray[np.bool_]", shells: "Sequence[NDArray[np.int64]]"
) -> "Callable[[NDArray[np.int64]], int]":
    """A function that returns the index of the shell around the pixels beside a ring."""
    if len(shells) == 1:
        return lambda _ring: 0
    import cv2
    import numpy as np

    _, labels = cv2.connectedComponents(pixels.astype(np.uint8), connectivity=4)
    shell_of = {int(labels[_pixel_beside(shell)]): i for i, shell in enumerate(shells)}
    return lambda ring: shell_of[int(labels[_pixel_beside(ring)])]


def _pixel_beside(ring: "NDArray[np.int64]") -> tuple[int, int]:
    """Row and column of a mask pixel on the right-hand side of the first side of a ring."""
    (x0, y0), (x1, y1) = ring[:2].tolist()
    row = y0 if x1 > x0 or y1 > y0 else y0 - 1
    column = x0 if x1 > x0 or y1 < y0 else x0 - 1
    return row, column
