"""The SMOTE step equals that of imbalanced-learn on the same codes, and names the parents."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE

from train_cls.smote import NEIGHBOURS, choose_parents


@pytest.mark.parametrize("members", [2, 3, 6, 7, 40])
def test_it_equals_imbalanced_learn_on_the_same_codes(members: int) -> None:
    codes = np.random.default_rng(members).normal(size=(members, 9))
    others = np.random.default_rng(1).normal(50, 1, size=(members + 30, 9))
    types = np.array([1] * members + [0] * len(others))
    smote = SMOTE(sampling_strategy={1: members + 30}, k_neighbors=min(NEIGHBOURS, members - 1), random_state=11)
    wanted, _ = smote.fit_resample(np.vstack([codes, others]), types)
    parents = choose_parents(codes, 30, 11)
    np.testing.assert_allclose(parents.mix(codes), wanted[members + len(others) :], atol=1e-12)


def test_the_parents_are_neighbours() -> None:
    codes = np.random.default_rng(3).normal(size=(25, 4))
    parents = choose_parents(codes, 200, 0)
    apart = ((codes[:, None] - codes[None]) ** 2).sum(axis=2)
    rank = apart.argsort(axis=1).argsort(axis=1)  # 0 itself, 1 the nearest
    either = np.minimum(rank[parents.first, parents.second], rank[parents.second, parents.first])
    assert either.min() >= 1
    assert either.max() <= NEIGHBOURS
    assert ((parents.share >= 0.5) & (parents.share <= 1)).all()
    assert len(set(zip(parents.first.tolist(), parents.second.tolist(), strict=True))) > 30


def test_equal_codes_have_parents_too() -> None:
    parents = choose_parents(np.zeros((3, 2)), 10, 0)
    assert set(parents.first) | set(parents.second) <= {0, 1, 2}
    assert not parents.mix(np.zeros((3, 2))).any()


def test_values_of_any_shape_are_mixed() -> None:
    parents = choose_parents(np.arange(6.0).reshape(2, 3), 4, 0)
    images = np.stack([np.zeros((5, 4, 3), np.float32), np.full((5, 4, 3), 100, np.float32)])
    share = np.where(parents.first == 1, parents.share, 1 - parents.share)
    np.testing.assert_allclose(parents.mix(images)[:, 0, 0, 0], 100 * share, rtol=1e-5)


def test_a_seed_repeats_it() -> None:
    codes = np.random.default_rng(0).normal(size=(9, 3))
    one, two, other = (choose_parents(codes, 20, seed).mix(codes) for seed in (4, 4, 5))
    assert (one == two).all()
    assert (one != other).any()
