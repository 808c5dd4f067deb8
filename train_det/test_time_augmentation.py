"""Average the raw output of a detector over the eight symmetries of the square (D4), anchor by anchor.

A flip or a right-angle rotation of the image maps every anchor to another anchor. The eight outputs can therefore
be aligned and averaged before non-maximum suppression, and no boxes have to be matched or fused.
"""

from collections.abc import Callable

import torch

SYMMETRIES = tuple((turns, mirror) for mirror in (False, True) for turns in range(4))


def average_over_symmetries(
    raw_output: Callable[[torch.Tensor], torch.Tensor], pixels: torch.Tensor, strides: list[int]
) -> torch.Tensor:
    """Mean raw output B x (4 + classes) x anchors over the symmetries of `pixels`, B x 3 x side x side."""
    side = pixels.shape[-1]
    looks = []
    for turns, mirror in SYMMETRIES:
        seen = torch.rot90(pixels.flip(3) if mirror else pixels, turns, (2, 3))
        looks.append(turn_back(raw_output(seen), turns, mirror, side, strides))
    return torch.stack(looks).mean(0)


def turn_back(raw: torch.Tensor, turns: int, mirror: bool, side: int, strides: list[int]) -> torch.Tensor:
    """Map the raw output of an image that was mirrored, then rotated counterclockwise, back to the original image.

    Boxes are xywh in pixels of the square. Anchors are ordered row by row of each grid, finest grid first.
    """
    x, y, w, h = raw[:, :4].unbind(1)
    for _ in range(turns):
        x, y, w, h = side - y, x, h, w
    if mirror:
        x = side - x
    straight = torch.cat([torch.stack([x, y, w, h], 1), raw[:, 4:]], 1)
    levels = []
    for level, stride in zip(torch.split(straight, [(side // s) ** 2 for s in strides], 2), strides, strict=True):
        grid = torch.rot90(level.reshape(*level.shape[:2], side // stride, side // stride), -turns, (2, 3))
        levels.append((grid.flip(3) if mirror else grid).flatten(2))
    return torch.cat(levels, 2)
