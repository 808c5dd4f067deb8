"""What good patches look like: a sample of them, and the distance of any patch to the nearest."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from annotate.features import Grid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = 8000  # patches; the time for a picture grows with it
SEED = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Patches of good pictures: M x C float32, their squared lengths, and the number of the picture of each."""

    patches: Tensor
    squares: Tensor
    owners: Tensor

    def distances(self, grid: Grid, without: int | None = None) -> "NDArray[np.float32]":
        """Rows x columns distances to the nearest patch, leaving out those of the good picture `without`."""
        own = grid.patches
        squared = (own * own).sum(1)[:, None] + self.squares - 2 * own @ self.patches.T
        if without is not None:
            squared[:, self.owners == without] = float("inf")
        found: NDArray[np.float32] = squared.amin(1).clamp(min=0).sqrt().view(grid.rows, grid.columns).numpy()
        return found


def fit_memory(grids: Iterable[Grid], count: int, size: int = SIZE) -> Memory:
    """A random sample of the patches of `count` good pictures, equally many of each, the same on every run."""
    random = torch.Generator().manual_seed(SEED)
    patches, owners = [], []
    for number, grid in enumerate(grids):
        chosen = torch.randperm(len(grid.patches), generator=random)[: max(1, size // count)]
        patches.append(grid.patches[chosen])
        owners.append(torch.full((len(chosen),), number))
    memory = torch.cat(patches)
    return Memory(memory, (memory * memory).sum(1), torch.cat(owners))
