"""Paint instance masks into one pixel mask; if two overlap, the smaller one is on top."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from datasets.masks.component import Component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def paint(
    height: int, width: int, instances: Sequence[tuple[int, Component]]
) -> "tuple[NDArray[np.uint8], list[int]]":
    """Index mask (height x width) of the (index 1..255, pixels) of each instance, and the pixels each one covered.

    Larger instances are painted first, so no instance disappears below a larger one; equally large ones are
    painted in the given order. The second value is, for each instance, the number of pixels of another index that
    it covered.
    """
    import numpy as np

    indices = np.zeros((height, width), np.uint8)
    covered = [0] * len(instances)
    areas = [component.area for _, component in instances]
    for i in sorted(range(len(instances)), key=lambda i: -areas[i]):
        index, component = instances[i]
        x, y, w, h = component.box
        window = indices[y : y + h, x : x + w]
        if window.any():
            under = window[component.pixels]
            covered[i] = int(((under != 0) & (under != index)).sum())
        np.copyto(window, np.uint8(index), where=component.pixels)
    return indices, covered
