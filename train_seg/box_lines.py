"""What a box states about the pixels inside it, for annotations that have a box only.

A box is tight: each row and each column of pixels in it contains a pixel of the defect. The rows of a box, and its
columns, are numbered in bands, and the loss asks for one pixel of the defect in each of them, whichever it is. The
numbers are painted into the training image, so the bands follow every rotation of it.

Kervadec et al. 2020: Bounding boxes for weakly supervised segmentation, https://arxiv.org/abs/2004.06816;
Tian et al. 2021: BoxInst, https://arxiv.org/abs/2012.02310 (the largest value along each line).
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from datasets.coco import Box
from training.letterbox import Letterbox

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_BAND = 3  # pixels of the square: a thinner band may have no pixel left after a rotation
MAX_BANDS = 16  # of a box in each direction
MAX_NUMBER = 255  # of an image in each direction: a number is one byte
EPSILON = 1e-6


def box_lines(boxes: Sequence[Box], letterbox: Letterbox) -> "NDArray[np.uint8]":
    """The bands of `boxes` in the square: S x S x 2, the number of the band of rows and of columns, 0 for none.

    Boxes are in pixels of the image; only their parts inside it have bands. Where they overlap, the smaller one is
    on top; boxes beyond the 255th band are left out.
    """
    size, (top, left, _, _) = letterbox.size, letterbox.inner
    lines = np.zeros((size, size, 2), np.uint8)
    last = [0, 0]
    inside = (_clipped(box, letterbox) for box in boxes)
    for x, y, w, h in sorted(inside, key=lambda box: -box[2] * box[3]):
        for axis, (start, length) in enumerate(((top + y * letterbox.scale, h), (left + x * letterbox.scale, w))):
            across = ((left + x * letterbox.scale, w), (top + y * letterbox.scale, h))[axis]
            ends, side = (_whole(*one, letterbox.scale, size) for one in ((start, length), across))
            count = max(1, min(MAX_BANDS, (ends[1] - ends[0]) // MIN_BAND))
            if last[axis] + count > MAX_NUMBER:
                continue
            places = np.arange(ends[1] - ends[0]) * count // (ends[1] - ends[0])
            numbers = (last[axis] + 1 + places).astype(np.uint8)
            if axis == 0:
                lines[ends[0] : ends[1], side[0] : side[1], 0] = numbers[:, None]
            else:
                lines[side[0] : side[1], ends[0] : ends[1], 1] = numbers
            last[axis] += count
    return lines


def line_loss(defect: Tensor, lines: Tensor) -> Tensor:
    """Mean over all bands of -log of the largest probability in the band.

    `defect` is N x H x W, the probability of a defect, `lines` N x 2 x H x W uint8 as of `box_lines`. 0 without a
    band.
    """
    count = len(defect)
    first = torch.arange(count * 2, device=defect.device).view(count, 2, 1) * (MAX_NUMBER + 1)
    numbers = (lines.flatten(2).long() + first).flatten()
    values = defect[:, None].expand(-1, 2, -1, -1).flatten()
    largest = torch.zeros(count * 2 * (MAX_NUMBER + 1), dtype=values.dtype, device=values.device)
    largest = largest.scatter_reduce(0, numbers, values, "amax", include_self=True)
    exists = torch.zeros(len(largest), dtype=torch.bool, device=values.device)
    exists[numbers] = True
    exists[:: MAX_NUMBER + 1] = False
    if not exists.any():
        return values.sum() * 0
    return -largest[exists].clamp(min=EPSILON).log().mean()


def _clipped(box: Box, letterbox: Letterbox) -> Box:
    """The part of a box inside the image: no defect is on the padding of the square."""
    x, y, right, bottom = max(0.0, box[0]), max(0.0, box[1]), box[0] + box[2], box[1] + box[3]
    return x, y, min(right, letterbox.width) - x, min(bottom, letterbox.height) - y


def _whole(start: float, length: float, scale: float, size: int) -> tuple[int, int]:
    """First and end of a side of a box in whole pixels of the square, at least one."""
    first = min(size - 1, max(0, math.floor(start)))
    return first, min(size, max(first + 1, math.ceil(start + length * scale)))
