"""Polygons to pixels, exactly: a pixel is inside when its centre is, by the even-odd rule.

pycocotools fills by the same rule, but rounds corners to a fifth of a pixel first and walks sides in steps of that
size, which takes or leaves a few pixels of every slanted side. OpenCV and Pillow draw the outline on top, which
makes shapes about half a pixel larger all around.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from datasets.errors import OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CROSSINGS = 5_000_000  # of sides with columns of pixel centres; each takes some 50 bytes


Ring = Sequence[tuple[float, float]]


def fill_even_odd(shapes: Sequence[Sequence[Ring]], height: int, width: int) -> list[Any]:
    """The compressed pycocotools mask of each shape: the pixel centres inside an odd number of its rings.

    Rings are of (x, y) in pixels, may cross themselves, and may leave the picture of height x width pixels. Of
    centres on a side, those on the left and upper ones are inside. Raises OptionError for more crossings than
    memory should hold.
    """
    import numpy as np
    from pycocotools import mask as coco_mask

    rings = [(i, ring) for i, shape in enumerate(shapes) for ring in shape]
    if not rings:
        return []
    points = [np.array(ring, np.float64) for _, ring in rings]
    start = np.concatenate(points)
    end = np.concatenate([part for ring in points for part in (ring[1:], ring[:1])])
    owner = np.repeat([i for i, _ in rings], [len(ring) for ring in points])
    size = height * width
    toggles = _odd(np.sort(_toggles(start, end, owner * (size + 1), height, width)))
    bounds = np.searchsorted(toggles, np.arange(len(shapes) + 1) * (size + 1)).tolist()
    masks = []
    for i in range(len(shapes)):
        mine = toggles[bounds[i] : bounds[i + 1]] - i * (size + 1)
        counts = np.diff(mine, prepend=0, append=size).tolist()
        if counts[-1] == 0:
            counts.pop()
        masks.append(coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width))
    return masks


def _toggles(
    start: "NDArray[np.float64]", end: "NDArray[np.float64]", base: "NDArray[np.int64]", height: int, width: int
) -> "NDArray[np.int64]":
    """Where, going down column by column, the inside of a shape begins or ends; `base` of each side is added."""
    import numpy as np

    x0, x1 = start[:, 0], end[:, 0]
    reach = np.clip(np.ceil(np.stack((np.minimum(x0, x1), np.maximum(x0, x1))) - 0.5), 0, width).astype(np.int64)
    columns = reach[1] - reach[0]
    total = int(columns.sum())
    if total > MOST_CROSSINGS:
        raise OptionError("an outline", f"it crosses {total} columns of pixels", "draw the shape anew")
    side = np.repeat(np.arange(len(start)), columns)
    column = np.arange(total) + np.repeat(reach[0] - np.cumsum(columns) + columns, columns)
    with np.errstate(divide="ignore", invalid="ignore"):  # upright sides cross no column
        slope = (end[:, 1] - start[:, 1]) / (x1 - x0)
    y = start[side, 1] + (column + 0.5 - x0[side]) * slope[side]
    row = np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64)
    toggles: NDArray[np.int64] = base[side] + column * height + row
    return toggles


def _odd(ordered: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The values that occur an odd number of times: of two equal toggles one undoes the other."""
    import numpy as np

    if (ordered[1:] != ordered[:-1]).all():
        return ordered
    values, times = np.unique(ordered, return_counts=True)
    odd: NDArray[np.int64] = values[times % 2 == 1]
    return odd
