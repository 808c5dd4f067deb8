"""The first layer of a detector: a tone curve of the pixels, which gives dark parts more of the range, and perhaps
a fourth channel, the distance from good images.

Both are part of the model, so checkpoints and exported files contain them.
"""

from typing import Any

import torch
from torch import Tensor, nn

from train_det.ultralytics_api import Conv
from training.good_channel import widen


class TonedConv(Conv):  # type: ignore[misc]  # Ultralytics is untyped here
    """A first convolution that raises pixels of 0 to 1 to the power `gamma`.

    With `good_map`, the SHA-256 of the weights of a map, there is a fourth channel, which has no tone curve.
    """

    gamma: float
    good_map: str = ""

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W pixels, or N x 4, to features."""
        features: Tensor = super().forward(self._toned(x))
        return features

    def forward_fuse(self, x: Tensor) -> Tensor:
        """`forward` after batch normalisation has been folded into the weights."""
        features: Tensor = super().forward_fuse(self._toned(x))
        return features

    def _toned(self, x: Tensor) -> Tensor:
        if not self.good_map:
            return x**self.gamma
        return torch.cat([x[:, :3] ** self.gamma, x[:, 3:]], 1)


def set_gamma(model: nn.Module, gamma: float) -> None:
    """Add the tone curve x ** `gamma` to the first convolution of `model`; 1 changes nothing."""
    first = _first(model)
    first.__class__ = TonedConv
    first.gamma = gamma


def add_good_map(model: nn.Module, sha256: str) -> None:
    """Give a model after `set_gamma` a fourth channel, for the map with these weights; its output is unchanged."""
    first = _first(model)
    widen(first)
    first.good_map = sha256


def good_map_of(model: nn.Module) -> str:
    """The SHA-256 of the weights of the map in the fourth channel; empty if there is none."""
    return str(getattr(_first(model), "good_map", ""))


def input_channels(model: nn.Module) -> int:
    """3, or 4 with a map."""
    return 4 if good_map_of(model) else 3


def _first(model: nn.Module) -> Any:
    layers: Any = model.model
    return next(module for module in layers[0].modules() if isinstance(module, Conv))
