"""Pairs of similar hashes: both ways of finding them against a comparison bit by bit."""

import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.check import near_pairs as module
from datasets.check.near_pairs import grouped_candidates, near_pairs

BITS, LIMIT = 2048, 64
EVERY = np.arange(BITS)


def with_neighbours(random: np.random.Generator, count: int, *, alike: bool) -> list[bytes]:
    """`count` hashes, far apart or `alike`, and for each tenth one that differs in 0 to 80 of its bits."""
    base = random.random((count, BITS)) < (0.02 if alike else 0.5)
    near = base[::10].copy()
    for k, row in enumerate(near):
        flipped = random.choice(BITS, k % 81, replace=False)
        row[flipped] = ~row[flipped]
    rows = np.concatenate([base, near])
    return [row.tobytes() for row in np.packbits(rows[random.permutation(len(rows))], axis=1)]


def bit_by_bit(hashes: list[bytes]) -> list[tuple[int, int]]:
    numbers = [int.from_bytes(one) for one in hashes]
    return [
        (i, j) for j in range(len(numbers)) for i in range(j) if (numbers[i] ^ numbers[j]).bit_count() <= LIMIT
    ]


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
def test_every_pair_within_the_limit_is_found(
    monkeypatch: pytest.MonkeyPatch, *, alike: bool, grouped: bool
) -> None:
    """In the order of j, then of i; hashes that are alike agree in groups so often that all are compared."""
    monkeypatch.setattr(module, "GROUP_PAYS_FROM", 1 if grouped else 10_000)
    monkeypatch.setattr(module, "BLOCK", 64)
    hashes = with_neighbours(np.random.default_rng(1), 700, alike=alike)
    expected = bit_by_bit(hashes)
    assert len(expected) >= 50
    assert near_pairs(hashes, LIMIT) == expected


def test_a_pair_at_the_limit_agrees_in_a_group_wherever_its_bits_are() -> None:
    """64 differing bits, one in each group but one: the two agree only in that group."""
    packed = np.packbits(np.random.default_rng(2).random((400, BITS)) < 0.5, axis=1)
    for agreeing in (0, 12, 13, LIMIT):
        bits = np.unpackbits(packed[0])
        for group in set(range(LIMIT + 1)) - {agreeing}:
            bits[group] ^= 1  # the bit `group` of EVERY is in that group
        rows = np.concatenate([packed, np.packbits(bits)[None]])
        found = grouped_candidates(rows, EVERY, LIMIT)
        assert found is not None
        assert pairs(found, len(rows)) == [(0, 400)]


def test_candidates_come_from_equal_groups_only() -> None:
    """Three hashes that share the first group, and two others that share nothing with any."""
    rows = np.random.default_rng(3).random((5, BITS)) < 0.5
    rows[[1, 4], :: LIMIT + 1] = rows[3, :: LIMIT + 1]
    found = grouped_candidates(np.packbits(rows, axis=1), EVERY, LIMIT)
    assert found is not None
    assert pairs(found, 5) == [(1, 3), (1, 4), (3, 4)]


def test_too_many_candidates_are_not_listed() -> None:
    """40 equal hashes have 780 pairs in each group, 16 candidates for each hash are 640."""
    assert grouped_candidates(np.zeros((40, BITS // 8), np.uint8), EVERY, LIMIT) is None


def test_none_and_one_have_no_pair() -> None:
    assert near_pairs([], LIMIT) == near_pairs([bytes(256)], LIMIT) == []


def pairs(codes: NDArray[np.int64], count: int) -> list[tuple[int, int]]:
    return [(code % count, code // count) for code in codes.tolist()]
