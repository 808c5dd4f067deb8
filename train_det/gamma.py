"""A detector whose first layer applies a tone curve to the pixels, which gives dark parts more of the range.

The curve is part of the model, so checkpoints and exported files contain it.
"""

from typing import Any

from torch import Tensor, nn

from train_det.ultralytics_api import Conv


class TonedConv(Conv):  # type: ignore[misc]  # Ultralytics is untyped here
    """A first convolution that raises pixels of 0 to 1 to the power `gamma`."""

    gamma: float

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W pixels to features."""
        features: Tensor = super().forward(x**self.gamma)
        return features

    def forward_fuse(self, x: Tensor) -> Tensor:
        """`forward` after batch normalisation has been folded into the weights."""
        features: Tensor = super().forward_fuse(x**self.gamma)
        return features


def set_gamma(model: nn.Module, gamma: float) -> None:
    """Add the tone curve x ** `gamma` to the first convolution of `model`; 1 changes nothing."""
    layers: Any = model.model
    first = next(module for module in layers[0].modules() if isinstance(module, Conv))
    first.__class__ = TonedConv
    first.gamma = gamma
