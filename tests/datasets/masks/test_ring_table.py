"""Rings in flat arrays: what is computed for all of them, worked out by hand for each."""

import numpy as np
import pytest

from datasets.masks.drawn_outline import touch_boxes
from datasets.masks.ring_table import RingTable, merge_tables, ring_table

SQUARE = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])
HOLE = np.array([[1.0, 0], [0, 1], [1, 1]])


def table() -> RingTable:
    return ring_table([SQUARE, HOLE, SQUARE + 5], [0, 0, 3])


def test_areas_are_positive_outside_and_negative_for_holes() -> None:
    assert table().areas().tolist() == [4, -0.5, 4]


def test_a_ring_is_closed_by_its_own_first_point() -> None:
    assert table().next_point().tolist() == [1, 2, 3, 0, 5, 6, 4, 8, 9, 10, 7]
    assert table().previous_point().tolist() == [3, 0, 1, 2, 6, 4, 5, 10, 7, 8, 9]


def test_points_know_their_ring_and_its_owner() -> None:
    assert table().ring_of_point().tolist() == [0] * 4 + [1] * 3 + [2] * 4
    assert table().owner_of_point().tolist() == [0] * 7 + [3] * 4
    assert (table().starts.tolist(), table().stops.tolist()) == ([0, 4, 7], [4, 7, 11])


def test_chosen_rings_keep_their_points_and_owners() -> None:
    chosen = table().select(np.array([False, True, True]))
    assert chosen.owner.tolist() == [0, 3]
    np.testing.assert_array_equal(chosen.rings()[0], HOLE)
    np.testing.assert_array_equal(chosen.rings()[1], SQUARE + 5)


def test_tables_are_merged_by_owner() -> None:
    merged = merge_tables([table(), ring_table([HOLE + 9], [2])])
    assert merged.owner.tolist() == [0, 0, 2, 3]
    np.testing.assert_array_equal(merged.rings()[2], HOLE + 9)


def test_an_empty_table_has_no_rings() -> None:
    empty = ring_table([], [])
    assert (empty.rings(), empty.areas().tolist()) == ([], [])
    assert merge_tables([empty, table()]).owner.tolist() == [0, 0, 3]


def test_each_ring_gets_spikes_to_its_own_box() -> None:
    inner = np.array([[0.2, 0.3], [1.8, 0.3], [1.8, 2.7], [0.2, 2.7]])
    small = np.array([[0.5, 0.5], [0.6, 0.5], [0.6, 0.6]])
    touching = touch_boxes(ring_table([inner, small], [1, 0]), np.array([(1, 1), (2, 3)]), np.full((2, 2), 0.01))
    assert touching.lengths.tolist() == [12, 11]
    for ring, (w, h) in zip(touching.rings(), [(2, 3), (1, 1)], strict=True):
        assert [*ring.min(axis=0), *ring.max(axis=0)] == pytest.approx([0.01, 0.01, w - 0.01, h - 0.01])
