"""Predict images much larger than the training images, in overlapping squares."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from training.tiles import tile_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_WEIGHT = 0.05


def blend_tiles(rgb: "NDArray[np.uint8]", tile: int, logits_of: Callable[["NDArray[np.uint8]"], Tensor]) -> Tensor:
    """C x H x W logits of an H x W x 3 image, combined from its tiles.

    In an overlap, the tile with the nearer middle has more weight, because a tile is least reliable at its edge.
    """
    height, width = rgb.shape[:2]
    total: Tensor | None = None
    weights = torch.zeros(height, width)
    for top in tile_starts(height, tile):
        for left in tile_starts(width, tile):
            crop = rgb[top : top + tile, left : left + tile]
            logits = logits_of(crop).cpu()
            if total is None:
                total = torch.zeros(len(logits), height, width)
            weight = torch.outer(_ramp(crop.shape[0]), _ramp(crop.shape[1]))
            rows, columns = slice(top, top + crop.shape[0]), slice(left, left + crop.shape[1])
            total[:, rows, columns] += logits * weight
            weights[rows, columns] += weight
    if total is None:
        raise ValueError("an image without pixels")
    total /= weights
    return total


def _ramp(length: int) -> Tensor:
    """Weights along a tile: 1 in the middle, falling to MIN_WEIGHT at both ends."""
    position = (torch.arange(length) + 0.5) / length
    return (1 - (2 * position - 1).abs()).clamp(min=MIN_WEIGHT)
