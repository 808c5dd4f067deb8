"""Squares inside masks, found by trying every place."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.masks.component import mask_to_component
from datasets.masks.pixel_runs import runs_of_components
from datasets.masks.thickness import contains_square

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.sampled_from([1, 1, 0]))


def has_square(mask: np.ndarray, side: int) -> bool:
    height, width = mask.shape
    corners = ((y, x) for y in range(height - side + 1) for x in range(width - side + 1))
    return any(mask[y : y + side, x : x + side].all() for y, x in corners)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(MASKS.filter(np.any), st.integers(1, 4)), min_size=1, max_size=5))
def test_squares_are_found_wherever_they_are(masks: list[tuple[np.ndarray, int]]) -> None:
    runs = runs_of_components([mask_to_component(mask) for mask, _ in masks])
    found = contains_square(runs, np.array([side for _, side in masks]))
    assert found.tolist() == [has_square(mask, side) for mask, side in masks]
