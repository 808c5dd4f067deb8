"""Connected components of a mask, found from its runs. A mask has hundreds of runs, but a million pixels."""

from typing import TYPE_CHECKING

from datasets.masks.component import Component, join_components
from datasets.masks.edges import cancel_pairs, edges_to_component

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def components(mask: "NDArray[np.bool_]", *, connectivity: int = 8, merge_gap: int = 0) -> list[Component]:
    """Connected components of an H x W bool mask, from top to bottom, then from left to right.

    `connectivity` is 4 or 8. With `merge_gap` > 0, `merge_near` joins some of them.
    """
    height = len(mask)
    found = [edges_to_component(edges, height) for edges in _component_edges(mask, connectivity)]
    return merge_near(_in_order(found), merge_gap)


def merge_near(found: list[Component], gap: int) -> list[Component]:
    """Join components of one mask with fewer than `gap` pixels of background between them.

    The distance is that of the straight line between their nearest pixels.
    """
    import cv2
    import numpy as np

    if gap < 1 or len(found) < 2:
        return found
    width = max(c.box[0] + c.box[2] for c in found)
    height = max(c.box[1] + c.box[3] for c in found)
    labels = np.zeros((height, width), np.int32)
    for label, component in enumerate(found, 1):
        x, y, w, h = component.box
        np.copyto(labels[y : y + h, x : x + w], label, where=component.pixels)
    parent = list(range(len(found) + 1))

    def root(label: int) -> int:
        while parent[label] != label:
            label = parent[label]
        return label

    for label, component in enumerate(found, 1):
        x, y, w, h = component.box
        y0, x0 = max(0, y - gap - 1), max(0, x - gap - 1)
        window = labels[y0 : y + h + gap + 1, x0 : x + w + gap + 1]
        distance = cv2.distanceTransform((window != label).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for other in np.unique(window[(distance < gap + 1) & (window > label)]).tolist():
            parent[root(other)] = root(label)
    groups: dict[int, list[Component]] = {}
    for label, component in enumerate(found, 1):
        groups.setdefault(root(label), []).append(component)
    return _in_order([join_components(group) for group in groups.values()])


def _in_order(found: list[Component]) -> list[Component]:
    return sorted(found, key=lambda c: (c.box[1], c.box[0], c.box[3], c.box[2], -c.area))


def _component_edges(mask: "NDArray[np.bool_]", connectivity: int) -> "list[NDArray[np.int64]]":
    """The edges (see datasets.masks.edges) of each component of an H x W bool mask, in any order."""
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
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat[0]:
        edges = np.concatenate(([0], edges))
    begins, ends = edges[0::2], edges[1::2]
    label = label_runs(begins, ends, stride, diagonal=connectivity == 8)
    column = begins // stride
    shift = (column + left) * height + top - column * stride
    runs = np.stack((begins + shift, ends + shift), axis=1)
    order = np.argsort(label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    return [cancel_pairs(runs[group].ravel()) for group in groups]


def label_runs(
    begins: "NDArray[np.int64]", ends: "NDArray[np.int64]", stride: int, *, diagonal: bool
) -> "NDArray[np.int64]":
    """For each of N runs, the number of the first run that is connected with it; columns are `stride` apart."""
    import numpy as np

    # the runs of the next column that touch a run are consecutive
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
