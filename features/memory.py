"""A memory of patches of good images, and the distance of any patch to the nearest of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from features.patches import Grid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_PATCHES = 8000  # the time per image is proportional to it
SEED = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Patches of good images: features (M x C float32), their squared lengths (M) and image indices (M)."""

    patches: Tensor
    squares: Tensor
    owners: Tensor

    def distances(self, grid: Grid, without: int | None = None) -> "NDArray[np.float32]":
        """Euclidean distance of each patch of `grid` to the nearest one in memory: rows x columns float32.

        `without` is the index of a good image whose patches are left out.
        """
        patches = grid.patches
        squared = (patches * patches).sum(1)[:, None] + self.squares - 2 * patches @ self.patches.T
        if without is not None:
            squared[:, self.owners == without] = float("inf")
        nearest: NDArray[np.float32] = squared.amin(1).clamp(min=0).sqrt().view(grid.rows, grid.columns).numpy()
        return nearest


def fit_memory(grids: Iterable[Grid], count: int, size: int = MAX_PATCHES) -> Memory:
    """A random sample of about `size` patches of `count` good images, equally many of each, with a fixed seed."""
    random = torch.Generator().manual_seed(SEED)
    patches, owners = [], []
    for number, grid in enumerate(grids):
        chosen = torch.randperm(len(grid.patches), generator=random)[: max(1, size // count)]
        patches.append(grid.patches[chosen])
        owners.append(torch.full((len(chosen),), number))
    memory = torch.cat(patches)
    return Memory(memory, (memory * memory).sum(1), torch.cat(owners))
