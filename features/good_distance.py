"""The network from an image to the distances of its patches from good patches, as train_anomaly stores it."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from features.defect_head import DefectHead
from features.encoder import Encoder
from features.nearest import NearestPatches
from features.patches import PatchFeatures

BUFFERS = ("nearest.bank", "nearest.owners", "nearest.neighbours")  # their shapes depend on the good images


class GoodDistance(nn.Module):
    """Images N x 3 x rows x columns, RGB of any number type, to distances N x h x w of at least 0.

    The side of a patch is `stride` pixels. `weighted`: a head weights the distances. Nothing is remembered before
    `nearest` is set or `restore` is called.
    """

    def __init__(self, encoder: Encoder, stride: int, *, weighted: bool) -> None:
        super().__init__()
        self.features = PatchFeatures(encoder, stride=stride)
        self.nearest = NearestPatches(torch.zeros(1, 1, 1), torch.zeros(1, 1, dtype=torch.int64))
        channels = sum(layer.shape[1] for layer in encoder(torch.zeros(1, 3, 64, 64)))
        self.head = DefectHead(channels) if weighted else None

    def forward(self, pixels: Tensor, without: int | None = None) -> Tensor:
        """The distances; `without` is the number of a good image whose patches are left out of the memory."""
        return self.distances(self.features(pixels), without)

    def distances(self, features: Tensor, without: int | None = None) -> Tensor:
        """Distances N x h x w of patch features N x C x h x w."""
        if self.head is None:
            found: Tensor = self.nearest(features, without)
            return found
        weighted: Tensor = self.head(*self.nearest.differences(features, without))
        return weighted

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load stored tensors. Raises RuntimeError or KeyError if they do not fit."""
        for name in BUFFERS:
            module, _, buffer = name.rpartition(".")
            setattr(self.get_submodule(module), buffer, state[name])
        self.load_state_dict(dict(state))
        self.nearest.check()
