"""The best epoch: the later of equal ones, and patience counts epochs without a better one."""

import pytest

from training.early_stopping import Best, stored_best


def walk(values: list[float]) -> tuple[list[bool], list[Best]]:
    best, kept, seen = Best(), [], []
    for epoch, value in enumerate(values, 1):
        best, keep = best.after(epoch, value)
        kept.append(keep)
        seen.append(best)
    return kept, seen


def test_a_better_or_equal_epoch_is_kept() -> None:
    kept, seen = walk([-3.0, -4.0, -2.0, -2.0, -2.5])
    assert kept == [True, False, True, True, False]
    assert seen[-1] == Best(-2.0, 3)


@pytest.mark.parametrize(("patience", "ends"), [(0, None), (1, 2), (2, 5), (3, 6), (4, None)])
def test_patience_ends_after_so_many_epochs_without_a_better_one(patience: int, ends: int | None) -> None:
    """Better in epochs 1 and 3; equal, hence not better, in epoch 5."""
    _, seen = walk([1.0, 0.5, 2.0, 1.0, 2.0, 1.0])
    found = [epoch for epoch, best in enumerate(seen, 1) if best.exhausted(epoch, patience)]
    assert (found[0] if found else None) == ends


def test_nothing_watched_is_never_exhausted() -> None:
    assert not Best().exhausted(100, 1)


def test_it_survives_being_stored() -> None:
    assert stored_best({"best": {"value": 0.5, "epoch": 4}}) == Best(0.5, 4)
    assert stored_best({}) == Best()
