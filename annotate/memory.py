"""What good patches look like: a sample of them, and the distance of any patch to the nearest."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from annotate.features import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 8000  # patches; the time for a picture grows with it
NEAR = 0.1  # of the picture's sides
SEED = 0
FAR_AWAY = float("inf")


@dataclass(frozen=True, slots=True)
class Memory:
    """Patches of good pictures: M x C float32, squared lengths, places (row, column; 0 to 1), and whose they are.

    A patch is compared with those that lie `near` the same place, in parts of a side: the rim of a part is good at
    the rim only.
    """

    patches: Tensor
    squares: Tensor
    places: Tensor
    owners: Tensor
    near: float = NEAR

    def distances(self, grid: Grid, without: int | None = None) -> "NDArray[np.float32]":
        """Rows x columns distances to the nearest patch, leaving out those of the good picture `without`."""
        own = grid.patches
        squared = (own * own).sum(1)[:, None] + self.squares - 2 * own @ self.patches.T
        squared.masked_fill_(torch.cdist(patch_places(grid), self.places) > self.near, FAR_AWAY)
        if without is not None:
            squared[:, self.owners == without] = FAR_AWAY
        nearest = squared.amin(1).clamp(min=0).sqrt()
        # where no good picture has a patch near, nothing is known: as far as the farthest that is known
        known = nearest[nearest.isfinite()]
        nearest[nearest.isinf()] = known.amax() if len(known) else 0.0
        return nearest.view(grid.rows, grid.columns).numpy()


def fit_memory(grids: Iterable[Grid], count: int, size: int = SIZE) -> Memory:
    """A random sample of the patches of `count` good pictures, equally many of each, the same on every run."""
    random = torch.Generator().manual_seed(SEED)
    patches, places, owners = [], [], []
    for number, grid in enumerate(grids):
        chosen = torch.randperm(len(grid.patches), generator=random)[: max(1, size // count)]
        patches.append(grid.patches[chosen])
        places.append(patch_places(grid)[chosen])
        owners.append(torch.full((len(chosen),), number))
    memory = torch.cat(patches)
    return Memory(memory, (memory * memory).sum(1), torch.cat(places), torch.cat(owners))


def patch_places(grid: Grid) -> Tensor:
    """(Rows x columns) x 2: row and column of the middle of each patch in parts of the picture's sides."""
    rows = (torch.arange(grid.rows) + 0.5) / grid.rows
    columns = (torch.arange(grid.columns) + 0.5) / grid.columns
    return torch.cartesian_prod(rows, columns)
