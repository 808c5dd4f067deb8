"""The outlines of the 4-connected parts of masks, in a fixed order."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from datasets.masks.pixel_rings import split_at_touches, trace_runs
from datasets.masks.pixel_runs import PixelRuns, runs_of_crop
from datasets.masks.ring_table import RingTable, ring_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PartRings(NamedTuple):
    """One part: its outer ring and those of its holes, each an n x 2 array of (x, y) pixel corners, not closed.

    The outer ring runs counter-clockwise on the screen. It begins at the leftmost corner (the topmost of these).
    """

    shell: "NDArray[np.int64]"
    holes: "list[NDArray[np.int64]]"


class PartTable(NamedTuple):
    """The parts of many masks: their outer rings as in PartRings, sorted by mask, and the rings of all holes.

    `shells` are owned by masks, `holes` by parts.
    """

    shells: RingTable
    holes: RingTable


def part_rings(pixels: "NDArray[np.bool_]") -> list[PartRings]:
    """The 4-connected parts of the True pixels of an h x w crop, with corners only.

    Rings and parts are in the order of `normalize` of shapely: the part with the most corners first.
    """
    import numpy as np

    shells, holes = trace_parts(runs_of_crop(pixels))
    parts = [PartRings(shell.astype(np.int64), []) for shell in shells.rings()]
    for part, hole in zip(holes.owner.tolist(), holes.rings(), strict=True):
        parts[part].holes.append(hole.astype(np.int64))
    return parts


def trace_parts(runs: PixelRuns) -> PartTable:
    """The parts of many masks, those of each mask in the order of `part_rings`."""
    import numpy as np

    rings = _simple_rings(*trace_runs(runs, 4))
    if not len(rings.lengths):
        return PartTable(rings, rings)
    is_shell = rings.areas() > 0
    shells = _from_leftmost(rings.select(is_shell))
    start = shells.points[shells.starts]  # a different corner for each part
    order = np.lexsort((-start[:, 1], -start[:, 0], -shells.lengths, shells.owner))
    shells = shells.reorder(order)
    holes = rings.select(~is_shell)
    return PartTable(shells, RingTable(holes.points, holes.lengths, _parts_of_holes(runs, shells, holes)))


def part_finder(runs: PixelRuns, mask: int) -> "Callable[[NDArray[np.float64]], NDArray[np.bool_]]":
    """A function that returns the part of a mask to the lower right of a corner (x, y) of its box.

    The leftmost, then topmost corner of an outer ring is such a corner.
    """
    import cv2

    _, labels = cv2.connectedComponents(runs.component(mask).pixels.view("uint8"), connectivity=4)

    def pixels(corner: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        part: NDArray[np.bool_] = labels == labels[int(corner[1]), int(corner[0])]
        return part

    return pixels


def _simple_rings(table: RingTable, touching: "NDArray[np.bool_]") -> RingTable:
    """The rings, split at each corner that a ring passes twice."""
    import numpy as np

    at = np.flatnonzero(touching)
    ring = table.ring_of_point()[at]
    corner = np.column_stack((ring, table.points[at].astype(np.int64)))
    order = np.lexsort(corner.T[::-1])
    is_twice = (corner[order[1:]] == corner[order[:-1]]).all(axis=1)
    twice = set(ring[order[1:][is_twice]].tolist())
    if not twice:
        return table
    rings: list[NDArray[np.float64]] = []
    owner: list[int] = []
    for k, (own, one) in enumerate(zip(table.rings(), table.owner.tolist(), strict=True)):
        simple = (
            [loop.astype(np.float64) for loop in split_at_touches(own.astype(np.int64))] if k in twice else [own]
        )
        rings += simple
        owner += [one] * len(simple)
    return ring_table(rings, owner)


def _from_leftmost(shells: RingTable) -> RingTable:
    """Outer rings in reversed order, beginning at their leftmost, then topmost corners."""
    import numpy as np

    starts, lengths = shells.starts, shells.lengths
    rank = shells.points[:, 0] * (shells.points[:, 1].max() + 1) + shells.points[:, 1]
    is_first = np.flatnonzero(rank == np.repeat(np.minimum.reduceat(rank, starts), lengths))
    first = is_first[np.searchsorted(is_first, starts)] - starts
    nth = np.arange(len(rank)) - np.repeat(starts, lengths)
    source = (np.repeat(first, lengths) - nth) % np.repeat(lengths, lengths) + np.repeat(starts, lengths)
    return RingTable(shells.points[source], lengths, shells.owner)


def _parts_of_holes(runs: PixelRuns, shells: RingTable, holes: RingTable) -> "NDArray[np.int64]":
    """The part that contains each hole."""
    import numpy as np

    first = np.searchsorted(shells.owner, holes.owner)
    parts = np.searchsorted(shells.owner, holes.owner, "right") - first
    found = first
    for mask in np.unique(holes.owner[parts > 1]).tolist():
        import cv2

        pixels = runs.component(mask).pixels
        _, labels = cv2.connectedComponents(pixels.view(np.uint8), connectivity=4)
        begin, end = np.searchsorted(shells.owner, (mask, mask + 1)).tolist()
        column, row = shells.points[shells.starts[begin:end]].astype(np.int64).T
        shell_of = dict(zip(labels[row, column].tolist(), range(begin, end), strict=True))
        for hole in np.flatnonzero(holes.owner == mask).tolist():
            start = int(holes.starts[hole])
            found[hole] = shell_of[int(labels[_pixel_beside(holes.points[start : start + 2])])]
    return found


def _pixel_beside(side: "NDArray[np.float64]") -> tuple[int, int]:
    """Row and column of a mask pixel to the right of one side of a ring."""
    (x0, y0), (x1, y1) = side.astype(int).tolist()
    row = y0 if x1 > x0 or y1 > y0 else y0 - 1
    column = x0 if x1 > x0 or y1 < y0 else x0 - 1
    return row, column
