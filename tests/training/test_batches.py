"""Batches: even in size, in an order that seed and epoch decide."""

import pytest

from training.batches import EpochBatches


@pytest.mark.parametrize(
    ("count", "batch", "sizes"), [(10, 4, [4, 3, 3]), (8, 4, [4, 4]), (3, 8, [3]), (9, 8, [5, 4])]
)
def test_batches_are_even_and_hold_every_number_once(count: int, batch: int, sizes: list[int]) -> None:
    batches = EpochBatches(count, batch, seed=0)
    batches.set_epoch(2)
    made = list(batches)
    assert [len(b) for b in made] == sizes
    assert len(batches) == len(sizes)
    assert sorted(number for b in made for _, number in b) == list(range(count))
    assert {epoch for b in made for epoch, _ in b} == {2}


def test_the_order_changes_with_the_epoch_and_comes_again() -> None:
    def order(epoch: int) -> list[list[tuple[int, int]]]:
        batches = EpochBatches(20, 5, seed=1)
        batches.set_epoch(epoch)
        return [[(0, number) for _, number in b] for b in batches]

    assert order(0) == order(0)
    assert order(0) != order(1)
