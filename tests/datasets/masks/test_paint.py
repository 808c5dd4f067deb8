"""The smaller of two instances is on top, and the pixels that it covers are counted."""

import numpy as np

from datasets.masks.component import Component
from datasets.masks.paint import paint


def block(x: int, y: int, w: int, h: int) -> Component:
    return Component((x, y, w, h), np.ones((h, w), bool))


def test_a_small_instance_stays_whole_whatever_the_order() -> None:
    large, small = (1, block(0, 0, 6, 4)), (2, block(4, 2, 4, 2))
    expected = [[1, 1, 1, 1, 1, 1, 0, 0]] * 2 + [[1, 1, 1, 1, 2, 2, 2, 2]] * 2
    assert paint(4, 8, [large, small])[0].tolist() == expected
    assert paint(4, 8, [small, large])[0].tolist() == expected
    assert paint(4, 8, [small, large])[1] == [4, 0]


def test_of_two_equally_large_ones_the_later_is_on_top() -> None:
    indices, taken = paint(1, 3, [(1, block(0, 0, 2, 1)), (2, block(1, 0, 2, 1))])
    assert (indices.tolist(), taken) == ([[1, 2, 2]], [0, 1])


def test_instances_of_one_index_take_nothing_from_each_other() -> None:
    indices, taken = paint(1, 3, [(7, block(0, 0, 2, 1)), (7, block(1, 0, 2, 1))])
    assert (indices.tolist(), taken) == ([[7, 7, 7]], [0, 0])


def test_only_the_pixels_of_a_component_are_painted() -> None:
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    indices, _ = paint(5, 5, [(3, Component((1, 1, 3, 3), ring))])
    assert int((indices == 3).sum()) == 8
    assert indices[2, 2] == 0
    assert paint(2, 2, [])[0].tolist() == [[0, 0], [0, 0]]
