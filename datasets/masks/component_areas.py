"""The areas of the components of many masks, from their runs."""

from collections.abc import Sequence

from datasets.coco import Rle
from datasets.masks.edges import rle_to_component
from datasets.masks.find_components import components, label_runs
from datasets.masks.pixel_runs import PixelRuns, runs_of_lengths
from datasets.masks.rle import rle_area
from datasets.masks.run_lengths import all_run_lengths

TOGETHER = 1000  # masks whose runs are in memory at a time


def smallest_components(rles: Sequence[Rle]) -> list[int]:
    """Pixels of the smallest 8-connected component of each mask, 0 for a mask without pixels.

    The masks must be compressed, and the run lengths of each must add up to its size.
    """
    import numpy as np

    found: list[int] = []
    for start in range(0, len(rles), TOGETHER):
        part = rles[start : start + TOGETHER]
        unpacked = all_run_lengths(part)
        if unpacked is None:  # unusual text
            found += [_smallest_of(rle) for rle in part]
        else:
            heights = np.array([rle.size[0] for rle in part], np.int64)
            found += _smallest_of_each(runs_of_lengths(*unpacked, heights))
    return found


def _smallest_of(rle: Rle) -> int:
    if not rle_area(rle):
        return 0
    return min(part.area for part in components(rle_to_component(rle).pixels))


def _smallest_of_each(runs: PixelRuns) -> list[int]:
    import numpy as np

    smallest = np.zeros(len(runs.boxes), np.int64)
    if not len(runs.owner):
        return smallest.tolist()
    # the masks side by side, with a row and a column of background between them
    stride = int(runs.boxes[:, 3].max()) + 1
    columns = runs.boxes[:, 2] + 1
    begin = ((np.cumsum(columns) - columns)[runs.owner] + runs.column) * stride
    label = label_runs(begin + runs.top, begin + runs.bottom, stride, diagonal=True)
    areas = np.bincount(label, runs.bottom - runs.top).astype(np.int64)
    firsts = np.flatnonzero(areas)  # a component is named by its first run
    owners = runs.owner[firsts]
    begins = np.flatnonzero(np.diff(owners, prepend=-1))
    smallest[owners[begins]] = np.minimum.reduceat(areas[firsts], begins)
    return smallest.tolist()
