"""Rings around pixels, compared with the union of pixel squares by shapely and the components of OpenCV."""

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.masks.pixel_outline import pixel_outline
from datasets.masks.pixel_rings import ring_area, split_at_touches, trace_rings

CROPS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.booleans())
RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
DIAGONAL = np.array([[1, 0], [0, 1]], bool)


def union_of_squares(pixels: np.ndarray) -> shapely.Geometry:
    rows, columns = np.nonzero(pixels)
    return shapely.union_all(shapely.box(columns, rows, columns + 1, rows + 1))


@settings(max_examples=200, deadline=None)
@given(CROPS.filter(np.any))
def test_the_outline_covers_the_pixels_as_a_union_of_squares_does(pixels: np.ndarray) -> None:
    outline = pixel_outline(pixels)
    wanted = union_of_squares(pixels)
    assert shapely.is_valid(outline)
    assert shapely.equals(outline, wanted)
    assert len(getattr(outline, "geoms", [outline])) == len(getattr(wanted, "geoms", [wanted]))


@pytest.mark.parametrize("connectivity", [4, 8])
@settings(max_examples=100, deadline=None)
@given(pixels=CROPS.filter(np.any))
def test_there_is_an_outer_ring_for_each_component_and_a_ring_for_each_hole(
    pixels: np.ndarray, connectivity: int
) -> None:
    rings = trace_rings(pixels, connectivity)
    outer = [ring for ring in rings if ring_area(ring) > 0]
    components, _ = cv2.connectedComponents(pixels.astype(np.uint8), connectivity=connectivity)
    background = np.pad(~pixels, 1, constant_values=True).astype(np.uint8)
    holes, _ = cv2.connectedComponents(background, connectivity=12 - connectivity)
    assert len(outer) == components - 1
    assert len(rings) - len(outer) == holes - 2  # without the outside, and without OpenCV's label of the mask
    assert sum(map(ring_area, rings)) == pixels.sum()


@settings(max_examples=100, deadline=None)
@given(CROPS.filter(np.any))
def test_sides_alternate_and_corners_turn(pixels: np.ndarray) -> None:
    for ring in trace_rings(pixels, 8):
        steps = np.roll(ring, -1, axis=0) - ring
        assert (steps[0::2, 1] == 0).all()
        assert (steps[1::2, 0] == 0).all()
        assert (np.abs(steps).sum(axis=1) > 0).all()


def test_a_hole_runs_the_other_way_round() -> None:
    outer, hole = trace_rings(RING, 8)
    assert outer.tolist() == [[0, 0], [3, 0], [3, 3], [0, 3]]
    assert (ring_area(outer), ring_area(hole)) == (9, -1)


def test_pixels_that_touch_at_a_corner_are_joined_by_connectivity_8_only() -> None:
    assert [ring.tolist() for ring in trace_rings(DIAGONAL, 4)] == [
        [[0, 0], [1, 0], [1, 1], [0, 1]],
        [[1, 1], [2, 1], [2, 2], [1, 2]],
    ]
    (ring,) = trace_rings(DIAGONAL, 8)
    assert ring.tolist().count([1, 1]) == 2
    assert sorted(map(ring_area, split_at_touches(ring))) == [1, 1]


def test_an_empty_mask_has_no_ring() -> None:
    assert trace_rings(np.zeros((3, 4), bool), 8) == []
