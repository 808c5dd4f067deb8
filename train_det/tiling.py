"""Detect in images much larger than the training images: in overlapping squares, whose boxes are merged."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from datasets.coco import Rle
from datasets.masks.component import Component
from datasets.masks.edges import component_to_rle, rle_to_component
from datasets.masks.rle import rle_area
from train_det.infer import DetectionOptions, Detections, DetectorNetwork, detect_instances
from training.tiles import tile_starts

SAME_SHARE = 0.6  # of the smaller of two boxes of a type: a defect that two tiles see, one of them only in part


def detect_in_tiles(
    network: DetectorNetwork, images: Iterable[NDArray[np.uint8]], options: DetectionOptions, tile: int
) -> Iterator[Detections]:
    """The boxes, and masks, of each H x W x 3 RGB image, cut into squares of `tile` pixels where it is larger."""
    for image in images:
        height, width = image.shape[:2]
        corners = [(top, left) for top in tile_starts(height, tile) for left in tile_starts(width, tile)]
        parts = (image[top : top + tile, left : left + tile] for top, left in corners)
        found = list(detect_instances(network, parts, options))
        moves = [np.array([left, top, left, top, 0, 0]) for top, left in corners]
        joined = np.concatenate([part.boxes + move for part, move in zip(found, moves, strict=True)])
        kept = merge_boxes(joined, options.max_boxes)
        masks: list[Rle] | None = None
        if any(part.masks is not None for part in found):
            seen = [(m, *corner) for part, corner in zip(found, corners, strict=True) for m in part.masks or []]
            masks = [_place(mask, top, left, height, width) for mask, top, left in (seen[i] for i in kept)]
        yield Detections(joined[kept], masks)


def merge_boxes(boxes: NDArray[np.float64], limit: int) -> NDArray[np.intp]:
    """Indices of the boxes n x 6 that stay, best first, at most `limit`.

    A box is dropped if it shares SAME_SHARE of the smaller of the two with a better one of its type.
    """
    order = np.argsort(-boxes[:, 4], kind="stable")
    area = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)
    kept: list[int] = []
    for i in order:
        if len(kept) == limit:
            break
        others = np.array([k for k in kept if boxes[k, 5] == boxes[i, 5]], np.intp)
        low, high = np.maximum(boxes[others, :2], boxes[i, :2]), np.minimum(boxes[others, 2:4], boxes[i, 2:4])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        if not (shared > SAME_SHARE * np.minimum(area[others], area[i])).any():
            kept.append(int(i))
    return np.array(kept, np.intp)


def _place(mask: Rle, top: int, left: int, height: int, width: int) -> Rle:
    if not rle_area(mask):
        return component_to_rle(Component((0, 0, 1, 1), np.zeros((1, 1), bool)), height, width)
    part = rle_to_component(mask)
    x, y, w, h = part.box
    return component_to_rle(Component((x + left, y + top, w, h), part.pixels), height, width)
