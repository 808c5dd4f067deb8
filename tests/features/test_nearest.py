"""Distances to remembered patches against scikit-learn, and the choice of the patches."""

import itertools

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from features.coreset import choose_coreset, covering_radius
from features.nearest import NearestPatches, neighbours_in


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_anywhere_equals_scikit_learn() -> None:
    features, bank = drawn(2, 5, 3, 4), drawn(1, 5, 30, seed=1)
    found = NearestPatches(bank, torch.zeros(1, 30, dtype=torch.int64))(features)
    machine = NearestNeighbors(n_neighbors=1).fit(bank[0].T.numpy())
    wanted, _ = machine.kneighbors(features.permute(0, 2, 3, 1).reshape(-1, 5).numpy())
    assert np.allclose(found.numpy().ravel(), wanted.ravel(), atol=1e-5)


def test_a_place_is_compared_with_its_own_patches_only() -> None:
    features, bank = drawn(3, 5, 2, 4), drawn(8, 5, 30, seed=1)
    found = NearestPatches(bank, torch.zeros(8, 30, dtype=torch.int64))(features)
    assert found.shape == (3, 2, 4)
    for image, row, column in itertools.product(range(3), range(2), range(4)):
        place = bank[row * 4 + column].T.numpy()
        wanted, _ = NearestNeighbors(n_neighbors=1).fit(place).kneighbors(features[image, :, row, column][None])
        assert float(found[image, row, column]) == pytest.approx(float(wanted[0, 0]), abs=1e-5)


def test_the_patches_of_one_image_are_left_out() -> None:
    bank = torch.tensor([[[0.0, 1.0, 5.0]]])
    nearest = NearestPatches(bank, torch.tensor([[7, 7, 8]]))
    value = torch.tensor([[[[0.5]]]])
    assert float(nearest(value)) == pytest.approx(0.5)
    assert float(nearest(value, without=7)) == pytest.approx(4.5)


@pytest.mark.parametrize("groups", [1, 6])
def test_distances_are_weighted_as_in_patchcore(groups: int) -> None:
    features, bank = drawn(1, 4, 2, 3), drawn(groups, 4, 20, seed=1)
    nearest = NearestPatches(bank, torch.zeros(groups, 20, dtype=torch.int64), neighbours_in(bank, 4))
    found = nearest(features)[0]
    for number, (row, column) in enumerate(itertools.product(range(2), range(3))):
        patch = features[0, :, row, column].numpy()
        remembered = bank[number if groups > 1 else 0].T.numpy()
        distances = np.linalg.norm(remembered - patch, axis=1)
        best = distances.argmin()
        around = np.argsort(np.linalg.norm(remembered - remembered[best], axis=1))[:4]
        weight = 1 - np.exp(distances[best]) / np.exp(distances[around]).sum()
        assert around[0] == best
        assert float(found[row, column]) == pytest.approx(weight * distances[best], rel=1e-4)


def test_weights_stay_finite_if_an_image_is_left_out() -> None:
    bank = drawn(1, 3, 12)
    owners = torch.arange(12)[None] // 4
    nearest = NearestPatches(bank, owners, neighbours_in(bank, 5))
    assert torch.isfinite(nearest(drawn(1, 3, 4, 4, seed=3), without=1)).all()


def test_a_coreset_covers_within_twice_the_best_radius() -> None:
    """All choices of 3 of 9 points are tried; Gonzalez's bound holds without a projection."""
    points = drawn(9, 2, seed=4)
    best = min(covering_radius(points, torch.tensor(c)) for c in itertools.combinations(range(9), 3))
    chosen = choose_coreset(points[None], 3, seed=0)[0]
    assert len(set(chosen.tolist())) == 3
    assert covering_radius(points, chosen) <= 2 * best + 1e-6


def test_a_coreset_finds_rare_patches_that_a_random_sample_misses() -> None:
    common, rare = drawn(2000, 100, seed=5) * 0.01, drawn(5, 100, seed=6) + 10
    points = torch.cat([common, rare])
    chosen = choose_coreset(points[None], 20, seed=1)[0]
    assert covering_radius(points, chosen) < 0.5
    assert sum(index >= 2000 for index in chosen.tolist()) == 5
    assert torch.equal(chosen, choose_coreset(points[None], 20, seed=1)[0])


def test_groups_are_chosen_from_separately_and_few_patches_are_all_taken() -> None:
    patches = drawn(3, 50, 4)
    chosen = choose_coreset(patches, 10, seed=2)
    assert chosen.shape == (3, 10)
    assert all(len(set(row.tolist())) == 10 for row in chosen)
    assert choose_coreset(patches, 60, seed=2).tolist() == [list(range(50))] * 3
