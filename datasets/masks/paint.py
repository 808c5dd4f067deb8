"""Instance masks painted into one pixel mask; where two meet, the smaller one is on top."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datasets.masks.component import Component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def paint(
    height: int, width: int, instances: Sequence[tuple[int, Component]]
) -> "tuple[NDArray[np.uint8], list[int]]":
    """Index mask of height x width pixels from (index 1..255, pixels) of each instance.

    Larger ones are painted first, of equally large ones the first first, so that none vanishes under a larger one.
    Also returns for each instance how many pixels it took from another index.
    """
    import numpy as np

    indices = np.zeros((height, width), np.uint8)
    taken = [0] * len(instances)
    for i in sorted(range(len(instances)), key=lambda i: -instances[i][1].area):
        index, component = instances[i]
        x, y, w, h = component.box
        window = indices[y : y + h, x : x + w]
        if window.any():
            under = window[component.pixels]
            taken[i] = int(((under != 0) & (under != index)).sum())
        np.copyto(window, np.uint8(index), where=component.pixels)
    return indices, taken
