"""A detector whose first layer sees the pixels along a tone curve, so that dark parts get more of the range.

It is in the model and not before it, so that checkpoints and exported files need no knowledge of it.
"""

from typing import Any

from torch import Tensor, nn

from train_det.ultralytics_api import Conv


class TonedConv(Conv):  # type: ignore[misc]  # Ultralytics is untyped here
    """A first convolution that takes pixels of 0..1 to the power of `gamma`."""

    gamma: float

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W pixels to features."""
        features: Tensor = super().forward(x**self.gamma)
        return features

    def forward_fuse(self, x: Tensor) -> Tensor:
        """The same once batch normalisation is folded into the weights."""
        features: Tensor = super().forward_fuse(x**self.gamma)
        return features


def set_gamma(model: nn.Module, gamma: float) -> None:
    """Give `model`, a YOLO, the tone curve x ** `gamma`; 1 leaves pixels as they are."""
    layers: Any = model.model
    layers[0].__class__ = TonedConv
    layers[0].gamma = gamma
