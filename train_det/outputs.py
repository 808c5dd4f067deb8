"""What the three families of detectors give for a square, as one tensor that can be exported.

`yolo`: B x (4 + C) x anchors: xywh in pixels of the square, then the score of each of C classes.
`yolo-seg`: B x N, all of B x (4 + C + K) x anchors and B x K x S/4 x S/4 prototypes, one after the other.
`rtdetr`: B x (4 + C) x queries, as for `yolo`.
"""

from typing import Any

import torch
from torch import Tensor, nn

from train_det.families import Family
from train_det.ultralytics_api import family_of

PROTOTYPES = 32
RATIO = 4  # pixels of the square per pixel of a prototype


class OneOutput(nn.Module):
    """A detector with one tensor as output, for exporters."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.family: Family = family_of(model)

    def forward(self, pixels: Tensor) -> Tensor:
        """B x 3 x S x S, 0 to 1."""
        return one_output(self.model(pixels), self.family, pixels.shape[-1])


def one_output(returned: object, family: Family, side: int) -> Tensor:
    """What a model in evaluation mode returned as one tensor, in float32."""
    output: Any = returned
    if family == "rtdetr":
        boxes, scores = output[1][0][0], output[1][1][0]
        return torch.cat([boxes.float() * side, scores.float().sigmoid()], 2).transpose(1, 2)
    if family == "yolo-seg":
        rows, prototypes = output[0]
        prototypes = prototypes[0] if isinstance(prototypes, tuple) else prototypes
        return torch.cat([rows.float().flatten(1), prototypes.float().flatten(1)], 1)
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found.float()


def split_output(packed: Tensor, side: int, strides: list[int]) -> tuple[Tensor, Tensor]:
    """The rows and the prototypes in an output of `yolo-seg`."""
    anchors = sum((side // stride) ** 2 for stride in strides)
    small = side // RATIO
    count = PROTOTYPES * small * small
    rows = packed[:, :-count].reshape(len(packed), -1, anchors)
    return rows, packed[:, -count:].reshape(len(packed), PROTOTYPES, small, small)
