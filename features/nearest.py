"""Distance of each patch to the nearest remembered one, as matrix products that an exported network can contain.

Patches are compared in groups: one group for the whole image, or one for each place of the grid.
"""

import torch
from torch import Tensor, nn


class NearestPatches(nn.Module):
    """The patches remembered for each of G groups, G x C x M; G is 1 or the number of places of the grid.

    `neighbours`, G x M x b, are the b remembered patches nearest to each patch, itself first; with b = 0 distances
    are not weighted. `owners`, G x M, is the number of the good image of each patch.
    """

    bank: Tensor
    neighbours: Tensor
    owners: Tensor

    def __init__(self, bank: Tensor, owners: Tensor, neighbours: Tensor | None = None) -> None:
        super().__init__()
        empty = torch.zeros((*owners.shape, 0), dtype=torch.int64)
        self.register_buffer("bank", bank)
        self.register_buffer("owners", owners)
        self.register_buffer("neighbours", empty if neighbours is None else neighbours)

    def check(self) -> None:
        """Raise RuntimeError if stored tensors do not fit together, such as a neighbour outside of the bank."""
        if self.bank.ndim != 3 or self.bank.shape[2] < 1 or not self.bank.is_floating_point():
            raise RuntimeError("the bank is not one of patches")
        groups, _, count = self.bank.shape
        if self.owners.shape != (groups, count) or self.owners.dtype != torch.int64:
            raise RuntimeError("the owners are not those of the bank")
        around = self.neighbours
        if around.ndim != 3 or around.shape[:2] != (groups, count) or around.dtype != torch.int64:
            raise RuntimeError("the neighbours are not those of the bank")
        if around.numel() and not 0 <= int(around.min()) <= int(around.max()) < count:
            raise RuntimeError("a neighbour is not in the bank")

    def forward(self, features: Tensor, without: int | None = None) -> Tensor:
        """Distances N x h x w of features N x C x h x w; `without` is a good image whose patches are left out."""
        squared = self._squared(features, without)
        nearest = self._weighted(squared) if self.neighbours.shape[2] else squared.amin(2).clamp(min=0).sqrt()
        return self._as_map(nearest, features)

    def differences(self, features: Tensor, without: int | None = None) -> tuple[Tensor, Tensor]:
        """Features minus the nearest remembered patch, N x C x h x w, and their lengths, N x h x w."""
        count, channels, height, width = features.shape
        index = self._squared(features, without).argmin(2)  # G x queries
        found = self.bank.gather(2, index[:, None].expand(-1, channels, -1))
        if len(self.bank) == 1:
            nearest = found.view(channels, count, height, width).permute(1, 0, 2, 3)
        else:
            nearest = found.permute(2, 1, 0).reshape(count, channels, height, width)
        difference = features - nearest
        return difference, (difference * difference).sum(1).sqrt()

    def _squared(self, features: Tensor, without: int | None) -> Tensor:
        """Squared distances of all patches to all remembered ones, G x queries x M."""
        channels = features.shape[1]
        queries = features.flatten(2)  # N x C x P
        if len(self.bank) == 1:
            queries = queries.permute(0, 2, 1).reshape(1, -1, channels)
        else:
            queries = queries.permute(2, 0, 1)
        squared = torch.baddbmm((self.bank * self.bank).sum(1, keepdim=True), queries, self.bank, alpha=-2)
        squared = squared + (queries * queries).sum(2, keepdim=True)
        if without is not None:
            squared = squared.masked_fill((self.owners == without)[:, None], torch.inf)
        return squared

    def _as_map(self, values: Tensor, features: Tensor) -> Tensor:
        """Values of all queries, G x queries, as N x h x w."""
        count, _, height, width = features.shape
        return (values if len(self.bank) == 1 else values.T).reshape(count, height, width)

    def _weighted(self, squared: Tensor) -> Tensor:
        """The nearest distance, weighted by the distances to the neighbours of the nearest patch.

        1 - exp(d) / sum over the neighbours of exp(d), as in PatchCore, equation 7.
        """
        index = squared.argmin(2)
        around = self.neighbours.gather(1, index[:, :, None].expand(-1, -1, self.neighbours.shape[2]))
        distances = squared.gather(2, around).clamp(min=0).sqrt()
        known = torch.where(torch.isinf(distances), -torch.inf, distances)
        return distances[:, :, 0] * (1 - known.softmax(2)[:, :, 0])


def neighbours_in(bank: Tensor, count: int) -> Tensor:
    """The `count` patches nearest to each patch of a bank G x C x M, itself first: G x M x count."""
    found = []
    for patches in bank:
        squares = (patches * patches).sum(0)
        squared = squares[:, None] + squares - 2 * patches.T @ patches
        squared.fill_diagonal_(-1.0)
        found.append(squared.topk(min(count, patches.shape[1]), largest=False).indices)
    return torch.stack(found)
