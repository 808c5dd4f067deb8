"""A small network that weights differences from good patches by whether they look like defects."""

import torch
from torch import Tensor, nn

HIDDEN = 64
GROUND = 0.1  # factor of the distance if the network sees no defect; unknown defects still have a large distance


class DefectHead(nn.Module):
    """Differences from the nearest good patch N x C x h x w and their lengths to distances N x h x w.

    A distance is multiplied by 0.1 where the network sees no defect, and by 1.1 where it is sure of one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels + 1, HIDDEN, 1), nn.ReLU(), nn.Conv2d(HIDDEN, HIDDEN, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(HIDDEN, 1, 1),
        )  # fmt: skip

    def forward(self, difference: Tensor, distance: Tensor) -> Tensor:
        """The weighted distances."""
        return distance * (GROUND + self.logits(difference, distance).sigmoid())

    def logits(self, difference: Tensor, distance: Tensor) -> Tensor:
        """Log odds of a defect, N x h x w."""
        found: Tensor = self.net(torch.cat([difference.abs(), distance[:, None]], 1))[:, 0]
        return found
