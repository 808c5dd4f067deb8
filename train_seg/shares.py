"""Shares of background and types of the pixels of an image, computed in bands of rows.

A large image then needs 4 bytes per pixel, instead of several arrays with 4 bytes per pixel and type.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from datasets.masks.component import Component

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAND_PIXELS = 2**22


@dataclass(frozen=True, slots=True)
class Shares:
    """`defect` is 1 - the share of background, H x W; `rows` gives the shares of some rows, (1 + K) x rows x W."""

    defect: "NDArray[np.float32]"
    rows: "Callable[[int, int], NDArray[np.float32]]"

    def votes(self, component: Component) -> "NDArray[np.float64]":
        """The sum of the shares of each of the K types over the pixels of `component`."""
        x, y, w, h = component.box
        step = band_rows(self.defect.shape[1])
        total: NDArray[np.float64] | float = 0.0
        for top in range(y // step * step, y + h, step):
            first, end = max(top, y), min(top + step, y + h)
            window = self.rows(top, min(top + step, len(self.defect)))[1:, first - top : end - top, x : x + w]
            pixels = component.pixels[first - y : end - y]
            total = total + np.array([sum_where(share, pixels) for share in window])
        return np.asarray(total)


def whole_shares(shares: "NDArray[np.float32]") -> Shares:
    """Shares of a whole image in memory, (1 + K) x H x W."""
    return Shares(1 - shares[0], lambda start, stop: shares[:, start:stop])


def shares_of_logits(logits: Callable[[int, int], Tensor], height: int, width: int) -> Shares:
    """The shares of an image of height x width; `logits` gives the (1 + K) x rows x W logits of some rows."""

    def rows(start: int, stop: int) -> "NDArray[np.float32]":
        shares: NDArray[np.float32] = logits(start, stop).softmax(0).cpu().numpy()
        return shares

    step = band_rows(width)
    if height <= step:
        return whole_shares(rows(0, height))
    defect = np.empty((height, width), np.float32)
    for top in range(0, height, step):
        stop = min(top + step, height)
        defect[top:stop] = 1 - rows(top, stop)[0]
    return Shares(defect, rows)


def sum_where(values: "NDArray[np.float32]", pixels: "NDArray[np.bool_]") -> float:
    """The sum of `values` (H x W) where `pixels` is set, added up with 64 bits."""
    import cv2

    return cv2.mean(values, pixels.view(np.uint8))[0] * int(np.count_nonzero(pixels))


def band_rows(width: int) -> int:
    """The number of rows of `width` pixels that are computed together."""
    return max(1, BAND_PIXELS // max(1, width))
