"""Patch features of an image: the layers of an encoder on one grid, each averaged over neighbouring patches.

As in PatchCore (Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022).
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import torch
from torch import Tensor, nn
from torch.nn import functional

from features.encoder import Encoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE_STEP = 16  # pixels; a multiple of the strides of the usual layers
NEIGHBOURS = 3  # side in patches of the square that is averaged


@dataclass(frozen=True, slots=True)
class Grid:
    """Features of one image: `patches` is float32 of shape (rows * columns, channels), in row-major order."""

    patches: Tensor
    rows: int
    columns: int


class PatchFeatures(nn.Module):
    """Features of patches by the layers of an encoder, N x 3 x H x W pixels to N x C x H/s x W/s.

    s is `stride`, by default the smallest of the layers; finer layers are averaged and coarser ones enlarged to
    its grid. `neighbours`: side of the square of patches over which each layer is averaged first. `scales`
    multiply each layer, by default 1.
    """

    scales: Tensor

    def __init__(self, encoder: Encoder, neighbours: int = NEIGHBOURS, stride: int | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.neighbours = neighbours
        self.stride = stride
        self.register_buffer("scales", torch.ones(len(encoder.spec.layers)))

    def forward(self, pixels: Tensor) -> Tensor:
        """Features of RGB pixels, 0 to 255, of any number type; H and W are multiples of the largest stride."""
        return torch.cat([layer * scale for layer, scale in zip(self.layers(pixels), self.scales, strict=True)], 1)

    def layers(self, pixels: Tensor) -> list[Tensor]:
        """The features of each layer, before they are scaled."""
        maps = [
            functional.avg_pool2d(layer, self.neighbours, 1, self.neighbours // 2)
            for layer in self.encoder(pixels.float())
        ]
        rows, columns = maps[0].shape[-2:]
        if self.stride:
            rows, columns = pixels.shape[2] // self.stride, pixels.shape[3] // self.stride
        return [_on_grid(one, rows, columns) for one in maps]

    def grid(self, rgb: "NDArray[np.uint8]", side: int) -> Grid:
        """Features of an RGB image, H x W x 3 uint8 of any size, whose longer side is scaled to `side` pixels."""
        height, width = rgb.shape[:2]
        scale = side / max(height, width)
        rows, columns = (max(1, round(n * scale / SIDE_STEP)) * SIDE_STEP for n in (height, width))
        small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        with torch.inference_mode():
            features = self(torch.from_numpy(small).permute(2, 0, 1)[None])
        return Grid(features[0].flatten(1).T.contiguous(), features.shape[2], features.shape[3])


def _on_grid(layer: Tensor, rows: int, columns: int) -> Tensor:
    """N x C x h x w features averaged or enlarged to N x C x rows x columns."""
    factor = layer.shape[2] // rows
    if factor > 1:
        return functional.avg_pool2d(layer, factor)
    if layer.shape[2] == rows:
        return layer
    return functional.interpolate(layer, size=(rows, columns), mode="bilinear", align_corners=False)


def leave_one_core_free() -> None:
    """Use one thread fewer than there are cores, because any other busy program makes all threads wait."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
