"""Images of any shape into the network's square, and logits back to the geometry of the image.

The longer side is scaled to the square, the shorter one keeps the aspect ratio and is padded on both sides: a
round part stays round, so that rotations in training look like rotated parts on the line.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The place of an image of height x width pixels in the middle of a square of `size` pixels."""

    height: int
    width: int
    size: int

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """The image's window in whole pixels of the square: top, left, height, width."""
        scale = self.scale
        h = min(self.size, max(1, round(self.height * scale)))
        w = min(self.size, max(1, round(self.width * scale)))
        return (self.size - h) // 2, (self.size - w) // 2, h, w

    @property
    def scale(self) -> float:
        """Pixels of the square per original pixel."""
        return self.size / max(self.height, self.width)

    @property
    def matrix(self) -> "NDArray[np.float64]":
        """3 x 3 map from pixels of the image to those of the square, exact where `inner` is rounded.

        Coordinates run over the area of the image: 0 is its left edge, `width` its right edge.
        """
        left, top = (self.size - self.scale * self.width) / 2, (self.size - self.scale * self.height) / 2
        return np.array([[self.scale, 0, left], [0, self.scale, top], [0, 0, 1]], np.float64)

    def shrink(self, pixels: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """H x W or H x W x C pixels resized to the window; areas are averaged where it gets smaller."""
        _, _, h, w = self.inner
        if pixels.shape[:2] == (h, w):
            return pixels
        interpolation = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(pixels, (w, h), interpolation=interpolation), np.uint8)

    def image(self, pixels: "NDArray[np.uint8]", padding: tuple[int, ...]) -> "NDArray[np.uint8]":
        """An H x W x C image as size x size x C, padded with the colour `padding` of C values."""
        top, left, h, w = self.inner
        square = np.empty((self.size, self.size, len(padding)), np.uint8)
        square[:] = padding
        square[top : top + h, left : left + w] = self.shrink(pixels)
        return square

    def restore(self, logits: "torch.Tensor") -> "torch.Tensor":
        """Logits N x C x size x size as N x C x height x width, bilinear, pixel centres aligned."""
        from torch.nn.functional import interpolate

        top, left, h, w = self.inner
        window = logits[:, :, top : top + h, left : left + w].float()
        return interpolate(window, (self.height, self.width), mode="bilinear", align_corners=False)

    def restore_window(
        self, logits: "torch.Tensor", wanted: "torch.Tensor"
    ) -> "tuple[Callable[[int, int], torch.Tensor], tuple[int, int, int, int]]":
        """The part of `restore` that any of the `wanted` pixels of the square (size x size bool) can touch.

        A defect covers a small part of an image, so this takes a fraction of the time. Returns a function from the
        first and the end of some rows to their N x C x rows x w logits, and the window in the image: top, left,
        height and width, 0 where no pixel is wanted.
        """
        top, left, h, w = self.inner
        inside = wanted[top : top + h, left : left + w]
        rows, row, down = _reach(inside.any(1), h, self.height)
        columns, column, along = _reach(inside.any(0), w, self.width)
        inner = logits[:, :, top : top + h, left : left + w].float()

        def window(start: int, stop: int) -> "torch.Tensor":
            before, share = rows[start:stop], down[start:stop].view(-1, 1)
            if not len(before):
                return inner.new_empty((*inner.shape[:2], 0, len(columns)))
            first = int(before[0])
            # Columns are mixed in the few rows of the square; only then are whole rows copied and mixed.
            lines = _mix(inner[:, :, first : int(before[-1]) + 2], 3, columns, along)
            return _mix(lines, 2, before - first, share)

        return window, (row, column, len(rows), len(columns))


def _reach(wanted: "torch.Tensor", small: int, large: int) -> "tuple[torch.Tensor, int, torch.Tensor]":
    """Along one side: which of `small` samples precedes each of the `large` pixels that mix a wanted one.

    Also the first of these pixels, and the weight of the next sample; as in interpolate, centres aligned.
    """
    import torch

    indices = wanted.nonzero().flatten().tolist()
    step = small / large
    first, last = ((indices[0] - 0.5) / step - 0.5, (indices[-1] + 1.5) / step - 0.5) if indices else (0, -1)
    start, end = max(0, math.floor(first)), min(large - 1, math.ceil(last))
    place = ((torch.arange(start, end + 1, device=wanted.device) + 0.5) * step - 0.5).clamp(0, small - 1)
    return place.long(), start, place.frac()


def _mix(samples: "torch.Tensor", axis: int, before: "torch.Tensor", share: "torch.Tensor") -> "torch.Tensor":
    after = (before + 1).clamp(max=samples.shape[axis] - 1)
    return samples.index_select(axis, before).lerp(samples.index_select(axis, after), share)
