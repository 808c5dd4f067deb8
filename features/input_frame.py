"""The input of the network for images of any size: scaled into one rectangle, gaps filled from the edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import cv2
import msgspec
import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 32  # pixels, the largest stride of the usual networks
MAX_SIDE = 2048  # pixels
# Rows or columns of an input in a file: at least one step, and at most the largest `imgsz`.
InputSide = Annotated[int, msgspec.Meta(ge=STEP, le=MAX_SIDE, multiple_of=STEP)]


def choose_frame(sizes: Sequence[tuple[int, int]], imgsz: int) -> tuple[int, int]:
    """Rows and columns of the input for images of `sizes` (height, width).

    The longer side is `imgsz`, the other follows the median aspect ratio, in steps of 32 pixels.
    """
    ratio = float(np.median([height / width for height, width in sizes]))
    rows, columns = (imgsz, imgsz / ratio) if ratio > 1 else (imgsz * ratio, imgsz)
    return _step(rows), _step(columns)


@dataclass(frozen=True, slots=True)
class InputFrame:
    """The place of an image of height x width pixels in the middle of an input of rows x columns pixels."""

    height: int
    width: int
    rows: int
    columns: int

    @property
    def inner(self) -> tuple[int, int, int, int]:
        """The window of the image in whole pixels of the input: top, left, height, width."""
        scale = min(self.rows / self.height, self.columns / self.width)
        h = self._snap(self.height * scale, self.rows)
        w = self._snap(self.width * scale, self.columns)
        return (self.rows - h) // 2, (self.columns - w) // 2, h, w

    def to_input(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """An H x W x 3 image as rows x columns x 3; what is outside the image repeats its edge."""
        top, left, h, w = self.inner
        interpolation = cv2.INTER_AREA if h < self.height else cv2.INTER_LINEAR
        small = cv2.resize(rgb, (w, h), interpolation=interpolation)
        bottom, right = self.rows - top - h, self.columns - left - w
        return np.asarray(cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE), np.uint8)

    def crop(self, scores: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """The part of a map over the whole input, rows x columns float32, that shows the image."""
        top, left, h, w = self.inner
        return scores[top : top + h, left : left + w]

    @staticmethod
    def _snap(side: float, whole: int) -> int:
        """`side` in whole pixels.

        If it is almost the whole side of the input, the image is stretched slightly to fill it.
        """
        return whole if whole - side < STEP / 2 else max(1, round(side))


def to_tensor(inputs: "NDArray[np.uint8]") -> Tensor:
    """N x rows x columns x 3 as N x 3 x rows x columns."""
    return torch.from_numpy(np.ascontiguousarray(inputs)).permute(0, 3, 1, 2).contiguous()


def _step(side: float) -> int:
    return max(STEP, round(side / STEP) * STEP)
