"""A coreset: few patches such that every patch is near one of them (greedy k-center, Gonzalez 1985)."""

import torch
from torch import Tensor

PROJECTED = 64  # channels in which distances are computed


def choose_coreset(patches: Tensor, size: int, seed: int, projected: int = PROJECTED) -> Tensor:
    """Indices of `size` patches of each of G groups G x N x C: G x size, or G x N if there are fewer patches.

    Each next patch is the one farthest from the chosen ones; the covering radius is then at most twice the best
    possible. Distances are computed on random projections onto `projected` directions, which nearly preserve them
    (Johnson and Lindenstrauss 1984), as in PatchCore. The same seed gives the same indices.
    """
    groups, count, channels = patches.shape
    if count <= size:
        return torch.arange(count).expand(groups, count)
    random = torch.Generator().manual_seed(seed)
    if channels > projected:
        patches = patches @ (torch.randn(channels, projected, generator=random) / projected**0.5)
    squares = (patches * patches).sum(2)
    chosen = torch.empty(groups, size, dtype=torch.int64)
    chosen[:, 0] = torch.randint(count, (groups,), generator=random)
    rows = torch.arange(groups)
    nearest = torch.full((groups, count), torch.inf)
    for k in range(1, size):
        last = patches[rows, chosen[:, k - 1]]
        products = torch.bmm(patches, last[:, :, None])[:, :, 0]
        nearest = torch.minimum(nearest, squares + (last * last).sum(1, keepdim=True) - 2 * products)
        chosen[:, k] = nearest.argmax(1)
    return chosen


def covering_radius(patches: Tensor, chosen: Tensor) -> float:
    """The largest distance of any patch, N x C, to the nearest of those at the indices `chosen`."""
    return float(torch.cdist(patches, patches[chosen]).amin(1).max())
