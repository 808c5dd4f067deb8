"""Runs of many masks in flat arrays, compared with each mask by itself."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.masks.component import Component, mask_to_component
from datasets.masks.pixel_rings import trace_rings, trace_runs
from datasets.masks.pixel_runs import PixelRuns, runs_of_components, runs_of_lengths

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.booleans())


def run_lengths_of(mask: np.ndarray) -> list[int]:
    """COCO's run lengths, counted pixel by pixel; the first is of pixels outside."""
    lengths, inside = [0], False
    for pixel in mask.T.ravel():
        if pixel != inside:
            lengths.append(0)
            inside = bool(pixel)
        lengths[-1] += 1
    return lengths


def runs_of(masks: list[np.ndarray]) -> PixelRuns:
    lengths = [run_lengths_of(mask) for mask in masks]
    counts, heights = (np.array(v) for v in ([len(own) for own in lengths], [len(mask) for mask in masks]))
    return runs_of_lengths(np.concatenate(lengths), counts, heights)


@settings(max_examples=150, deadline=None)
@given(st.lists(MASKS, min_size=1, max_size=6))
def test_run_lengths_of_many_masks_give_the_pixels_of_each(masks: list[np.ndarray]) -> None:
    runs = runs_of(masks)
    areas = np.bincount(runs.owner, runs.bottom - runs.top, minlength=len(masks))
    assert areas.tolist() == [mask.sum() for mask in masks]
    for k, mask in enumerate(masks):
        if not mask.any():
            assert runs.boxes[k].tolist() == [0, 0, 0, 0]
            continue
        whole = np.zeros_like(mask)
        component = runs.component(k)
        x, y, w, h = component.box
        whole[y : y + h, x : x + w] = component.pixels
        np.testing.assert_array_equal(whole, mask)
        assert component.box == mask_to_component(mask).box


def test_a_run_over_two_columns_is_two_runs() -> None:
    runs = runs_of_lengths(np.array([1, 4, 1]), np.array([3]), np.array([3]))  # 3 rows, 2 columns
    assert runs.boxes.tolist() == [[0, 0, 2, 3]]
    assert (runs.column.tolist(), runs.top.tolist(), runs.bottom.tolist()) == ([0, 1], [1, 0], [3, 2])


def test_empty_runs_join_their_neighbours() -> None:
    runs = runs_of_lengths(np.array([1, 2, 0, 3, 4]), np.array([5]), np.array([10]))
    assert (runs.top.tolist(), runs.bottom.tolist(), runs.boxes.tolist()) == ([0], [5], [[0, 1, 1, 5]])


def test_no_mask_has_no_runs() -> None:
    nothing = np.empty(0, np.int64)
    assert runs_of_lengths(nothing, nothing, nothing).boxes.shape == (0, 4)
    assert runs_of_components([]).boxes.shape == (0, 4)


@settings(max_examples=100, deadline=None)
@given(st.lists(MASKS.filter(np.any), min_size=1, max_size=6), st.sampled_from([4, 8]))
def test_masks_are_traced_together_as_one_by_one(masks: list[np.ndarray], connectivity: int) -> None:
    components = [mask_to_component(mask) for mask in masks]
    table, _ = trace_runs(runs_of_components(components), connectivity)
    expected = [(k, r) for k, c in enumerate(components) for r in trace_rings(c.pixels, connectivity)]
    assert table.owner.tolist() == [k for k, _ in expected]
    for ring, (_, own) in zip(table.rings(), expected, strict=True):
        np.testing.assert_array_equal(ring, own)
    areas = np.bincount(table.owner, table.areas(), minlength=len(masks))
    assert areas.tolist() == [mask.sum() for mask in masks]


def test_selected_masks_are_renumbered() -> None:
    masks = [np.eye(2, dtype=bool), np.zeros((2, 2), bool), np.ones((3, 1), bool)]
    chosen = runs_of(masks).select(np.array([False, False, True]))
    assert chosen.owner.tolist() == [0]
    np.testing.assert_array_equal(chosen.component(0).pixels, np.ones((3, 1), bool))


def test_components_keep_their_boxes() -> None:
    runs = runs_of_components([Component((7, 8, 2, 2), np.eye(2, dtype=bool))])
    assert runs.component(0).box == (7, 8, 2, 2)
    np.testing.assert_array_equal(runs.component(0).pixels, np.eye(2, dtype=bool))
