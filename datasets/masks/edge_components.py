"""Connected components of a mask from its runs: no picture is labelled, and their run-length form falls out.

Runs of neighbouring columns belong together where they touch. A mask has hundreds of runs and a million pixels.
"""

from typing import TYPE_CHECKING

from datasets.masks.edges import cancel_pairs, edges_area, edges_box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def mask_components(mask: "NDArray[np.bool_]", connectivity: int = 8) -> "list[NDArray[np.int64]]":
    """The edges (see datasets.masks.edges) of each component of an H x W bool mask, which may be empty.

    They are what `datasets.masks.component.components` finds, in its order: from top to bottom, then from left to
    right. `connectivity` is 4 or 8.
    """
    import numpy as np

    height = len(mask)
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return []
    top = int(rows[0])
    band = mask[top : int(rows[-1]) + 1]
    columns = np.flatnonzero(band.any(axis=0))
    left = int(columns[0])
    band = band[:, left : int(columns[-1]) + 1]
    # a row of background below keeps runs of neighbouring columns apart
    stride = len(band) + 1
    upright = np.zeros((band.shape[1], stride), np.bool_)
    upright[:, :-1] = band.T
    flat = upright.ravel()
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        turns = np.concatenate(([0], turns))
    begins, ends = turns[0::2], turns[1::2]
    label = _join(begins, ends, stride, diagonal=connectivity == 8)
    column = begins // stride
    shift = (column + left) * height + top - column * stride
    found = []
    order = np.argsort(label, kind="stable")
    for runs in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        edges = np.stack((begins[runs] + shift[runs], ends[runs] + shift[runs]), axis=1).ravel()
        found.append(cancel_pairs(edges))
    return sorted(found, key=lambda edges: _place(edges, height))


def cut_to_picture(pixels: "NDArray[np.bool_]", x: int, y: int, height: int, width: int) -> "NDArray[np.bool_]":
    """Those of h x w pixels, the first of which is at (x, y), that lie in a picture of height x width pixels."""
    return pixels[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x)]


def crop_edges(pixels: "NDArray[np.bool_]", x: int, y: int, height: int, width: int) -> "NDArray[np.int64]":
    """The edges of what `cut_to_picture` leaves of the pixels."""
    import numpy as np

    pixels = cut_to_picture(pixels, x, y, height, width)
    x, y = max(0, x), max(0, y)
    columns = np.zeros((pixels.shape[1], len(pixels) + 2), np.bool_)  # background above and below each
    columns[:, 1:-1] = pixels.T
    column, row = np.nonzero(columns[:, 1:] != columns[:, :-1])
    return cancel_pairs((column + x) * height + row + y)


def _place(edges: "NDArray[np.int64]", height: int) -> tuple[int, int, int, int, int]:
    x, y, w, h = edges_box(edges, height)
    return y, x, h, w, -edges_area(edges)


def _join(
    begins: "NDArray[np.int64]", ends: "NDArray[np.int64]", stride: int, *, diagonal: bool
) -> "NDArray[np.int64]":
    """For each run the first run that it hangs together with; columns are `stride` apart."""
    import numpy as np

    # the runs of the next column that touch a run follow one another
    first = np.searchsorted(ends, begins + stride, "left" if diagonal else "right")
    after = np.searchsorted(begins, ends + stride, "right" if diagonal else "left")
    touching = np.maximum(after - first, 0)
    here = np.repeat(np.arange(len(begins)), touching)
    there = np.arange(len(here)) + np.repeat(first - np.cumsum(touching) + touching, touching)
    label = np.arange(len(begins))
    while True:
        low, high = np.minimum(label[here], label[there]), np.maximum(label[here], label[there])
        if (low == high).all():
            return label
        np.minimum.at(label, high, low)
        while (label != (nearer := label[label])).any():
            label = nearer
