"""Which masks are nowhere as thick as a number of pixels."""

from typing import TYPE_CHECKING

from datasets.masks.pixel_runs import PixelRuns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def contains_square(runs: PixelRuns, sides: "NDArray[np.int64]") -> "NDArray[np.bool_]":
    """Whether each of N masks contains a square of pixels with the side `sides[k]`, which is at least 1."""
    import cv2
    import numpy as np

    is_long = runs.bottom - runs.top >= sides[runs.owner]
    found = np.zeros(len(sides), np.bool_)
    found[runs.owner[is_long]] = True
    found &= runs.boxes[:, 2] >= sides
    for mask in np.flatnonzero(found & (sides > 1)).tolist():
        square = np.ones((sides[mask], sides[mask]), np.uint8)
        pixels = runs.component(mask).pixels.view(np.uint8)
        found[mask] = cv2.erode(pixels, square, borderType=cv2.BORDER_CONSTANT, borderValue=0).any()
    return found
