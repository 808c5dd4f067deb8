"""Distances to the patches of good images."""

import torch

from features.memory import fit_memory
from features.patches import Grid


def grid_of(*values: float) -> Grid:
    return Grid(torch.tensor([[v, 0.0] for v in values]), 1, len(values))


def test_distance_to_the_nearest_patch_and_to_the_nearest_of_another_image() -> None:
    memory = fit_memory([grid_of(0.0, 1.0), grid_of(5.0, 9.0)], count=2, size=4)
    assert memory.distances(grid_of(0.0, 3.0, 20.0)).tolist() == [[0.0, 2.0, 11.0]]
    assert memory.distances(grid_of(0.0, 5.0), without=0).tolist() == [[5.0, 0.0]]
    assert memory.distances(grid_of(0.0, 5.0), without=1).tolist() == [[0.0, 4.0]]


def test_memory_takes_equally_many_of_each_image_and_the_same_each_time() -> None:
    grids = [Grid(torch.arange(200.0).view(100, 2) + i, 10, 10) for i in range(4)]
    first, second = (fit_memory(grids, count=4, size=40) for _ in range(2))
    assert torch.bincount(first.owners).tolist() == [10, 10, 10, 10]
    assert torch.equal(first.patches, second.patches)
