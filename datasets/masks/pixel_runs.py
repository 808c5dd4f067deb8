"""The pixels of many masks as vertical runs in flat arrays: NumPy is much faster on these than mask by mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datasets.masks.component import Component
from datasets.masks.edges import cancel_pairs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PixelRuns:
    """The runs of N masks in int64 arrays, sorted by mask, column and row.

    `boxes` is N x 4: x, y, w, h around the pixels of each mask, all 0 without pixels. Run k covers the rows
    `top[k]` to `bottom[k] - 1` of the column `column[k]` of the box of mask `owner[k]`. No two runs touch.
    """

    boxes: "NDArray[np.int64]"
    owner: "NDArray[np.int64]"
    column: "NDArray[np.int64]"
    top: "NDArray[np.int64]"
    bottom: "NDArray[np.int64]"

    def select(self, chosen: "NDArray[np.bool_]") -> "PixelRuns":
        """The chosen masks."""
        import numpy as np

        kept = chosen[self.owner]
        number = np.cumsum(chosen) - 1
        owner = number[self.owner[kept]]
        return PixelRuns(self.boxes[chosen], owner, self.column[kept], self.top[kept], self.bottom[kept])

    def component(self, mask: int) -> Component:
        """The pixels of one mask, which must have a pixel."""
        import numpy as np

        x, y, w, h = self.boxes[mask].tolist()
        begin, end = np.searchsorted(self.owner, (mask, mask + 1))
        changes = np.zeros(w * h + 1, np.int8)
        changes[self.column[begin:end] * h + self.top[begin:end]] = 1
        changes[self.column[begin:end] * h + self.bottom[begin:end]] -= 1
        pixels = np.cumsum(changes[:-1], dtype=np.int8).view(np.bool_)
        return Component((x, y, w, h), np.ascontiguousarray(pixels.reshape(w, h).T))


def runs_of_lengths(
    lengths: "NDArray[np.int64]", counts: "NDArray[np.int64]", heights: "NDArray[np.int64]"
) -> PixelRuns:
    """The runs of N masks from their run lengths (outside and inside alternately), all in one array.

    `counts` is the number of run lengths of each mask, at least 1; `heights` is the height of its image in pixels.
    """
    import numpy as np

    if not len(counts):
        nothing = np.empty(0, np.int64)
        return PixelRuns(np.zeros((0, 4), np.int64), nothing, nothing, nothing, nothing)
    ends = np.cumsum(lengths)
    stop = np.cumsum(counts)
    before = np.concatenate(([0], ends[stop[:-1] - 1]))
    stride = int((ends[stop - 1] - before).max()) + 1
    owner = np.repeat(np.arange(len(counts)), counts)
    ends += np.repeat(np.arange(len(counts)) * stride - before, counts)
    is_edge = np.ones(len(ends), np.bool_)
    is_edge[stop[counts % 2 == 1] - 1] = False  # pixels after the last run are outside
    edges = cancel_pairs(ends[is_edge])
    owner = edges[0::2] // stride
    first = edges[0::2] - owner * stride
    last = edges[1::2] - owner * stride - 1
    height = heights[owner]
    column, last_column = first // height, last // height
    pieces = last_column - column + 1
    if len(pieces) and pieces.max() > 1:  # a run that continues in the next column touches bottom and top
        whole = np.repeat(np.arange(len(pieces)), pieces)
        nth = np.arange(len(whole)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        owner, height, column = owner[whole], height[whole], column[whole] + nth
        first = np.maximum(first[whole], column * height)
        last = np.minimum(last[whole], (column + 1) * height - 1)
    return _in_boxes(len(counts), owner, column, first - column * height, last + 1 - column * height)


def runs_of_components(components: Sequence[Component]) -> PixelRuns:
    """The runs of components, relative to their boxes."""
    import numpy as np

    crops = [runs_of_crop(component.pixels) for component in components]
    owner = np.repeat(np.arange(len(crops)), [len(crop.owner) for crop in crops])
    column, top, bottom = (
        np.concatenate([np.empty(0, np.int64), *arrays])
        for arrays in ([c.column for c in crops], [c.top for c in crops], [c.bottom for c in crops])
    )
    boxes = np.array([component.box for component in components], np.int64).reshape(-1, 4)
    return PixelRuns(boxes, owner, column, top, bottom)


def runs_of_crop(pixels: "NDArray[np.bool_]") -> PixelRuns:
    """The runs of one h x w bool mask, whose box is the whole mask."""
    import numpy as np

    h, w = pixels.shape
    padded = np.zeros((w, h + 2), np.bool_)
    padded[:, 1:-1] = pixels.T
    column, row = np.nonzero(padded[:, 1:] != padded[:, :-1])
    owner = np.zeros(len(row) // 2, np.int64)
    return PixelRuns(np.array([[0, 0, w, h]]), owner, column[0::2], row[0::2], row[1::2])


def _in_boxes(
    masks: int,
    owner: "NDArray[np.int64]",
    column: "NDArray[np.int64]",
    top: "NDArray[np.int64]",
    bottom: "NDArray[np.int64]",
) -> PixelRuns:
    """Runs with columns and rows of the image, made relative to the boxes around the pixels of each mask."""
    import numpy as np

    boxes = np.zeros((masks, 4), np.int64)
    if not len(owner):
        return PixelRuns(boxes, owner, column, top, bottom)
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    having = owner[begins]
    stop = np.append(begins[1:], len(owner))
    x, y = column[begins], np.minimum.reduceat(top, begins)
    boxes[having] = np.stack((x, y, column[stop - 1] + 1 - x, np.maximum.reduceat(bottom, begins) - y), axis=1)
    shift_x, shift_y = boxes[owner, 0], boxes[owner, 1]
    return PixelRuns(boxes, owner, column - shift_x, top - shift_y, bottom - shift_y)
