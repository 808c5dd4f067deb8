import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from datasets.masks.find_components import components

BOOL_MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))


@given(BOOL_MASKS, st.sampled_from([4, 8]))
def test_components_partition_the_mask_as_scipy_does(mask: np.ndarray, connectivity: int) -> None:
    found = components(mask, connectivity=connectivity)
    _, count = ndimage.label(mask, np.ones((3, 3)) if connectivity == 8 else None)
    assert len(found) == count
    painted = np.zeros(mask.shape, int)
    for component in found:
        x, y, w, h = component.box
        assert component.pixels.shape == (h, w)
        assert component.pixels.any(0).all() or component.pixels[:, [0, -1]].any(0).all()
        painted[y : y + h, x : x + w] += component.pixels
    assert np.array_equal(painted, mask.astype(int))


@given(BOOL_MASKS, st.sampled_from([4, 8]))
def test_each_component_is_a_label_of_scipy(mask: np.ndarray, connectivity: int) -> None:
    labels, count = ndimage.label(mask, np.ones((3, 3)) if connectivity == 8 else None)
    wanted = []
    for label in range(1, count + 1):
        rows, columns = np.nonzero(labels == label)
        wanted.append((rows.min(), columns.min(), rows.max(), columns.max(), len(rows)))
    found = [
        (c.box[1], c.box[0], c.box[1] + c.box[3] - 1, c.box[0] + c.box[2] - 1, c.area)
        for c in components(mask, connectivity=connectivity)
    ]
    assert sorted(found) == sorted(wanted)
    assert [place[:2] for place in found] == sorted(place[:2] for place in found)


@settings(max_examples=60)
@given(BOOL_MASKS, st.integers(1, 5))
def test_merge_gap_equals_brute_force_distances(mask: np.ndarray, gap: int) -> None:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    points = [np.argwhere(labels == i) for i in range(1, count + 1)]
    groups = list(range(count))
    for i in range(count):
        for j in range(i):
            nearest = np.sqrt(((points[i][:, None] - points[j][None]) ** 2).sum(-1)).min()
            if nearest - 1 < gap:
                old, new = groups[i], groups[j]
                groups = [new if g == old else g for g in groups]
    assert len(components(mask, merge_gap=gap)) == len(set(groups))


def test_merged_components_have_the_pixels_of_both() -> None:
    mask = np.zeros((4, 9), bool)
    mask[0, :2] = mask[2, 4:6] = mask[3, 8] = True
    apart, joined = components(mask), components(mask, merge_gap=3)
    assert [c.box for c in apart] == [(0, 0, 2, 1), (4, 2, 2, 1), (8, 3, 1, 1)]
    assert [c.box for c in joined] == [(0, 0, 9, 4)]
    assert np.array_equal(joined[0].pixels, mask)


@pytest.mark.parametrize(("connectivity", "number"), [(4, 18), (8, 1)])
def test_corners_join_only_eight_neighbours(connectivity: int, number: int) -> None:
    checkers = np.indices((6, 6)).sum(axis=0) % 2 == 0
    assert len(components(checkers, connectivity=connectivity)) == number


@pytest.mark.parametrize("turned", [False, True])
def test_a_serpentine_is_one_component(turned: bool) -> None:
    mask = np.zeros((41, 41), np.bool_)
    mask[::2] = True
    mask[1::4, -1] = True
    mask[3::4, 0] = True
    (only,) = components(mask.T if turned else mask, connectivity=4)
    assert only.area == mask.sum()


def test_a_mask_that_is_all_defect_is_one_component() -> None:
    (only,) = components(np.ones((3, 4), bool))
    assert (only.box, only.area) == ((0, 0, 4, 3), 12)


def test_an_empty_mask_has_no_component() -> None:
    assert components(np.zeros((3, 4), bool)) == []
