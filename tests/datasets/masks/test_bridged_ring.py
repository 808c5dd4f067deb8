"""One ring for holes and parts, compared with the even-odd rule by which OpenCV and pycocotools fill."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.masks.bridged_ring import join_rings
from datasets.masks.pixel_rings import trace_rings
from datasets.masks.rle import decode

CROPS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.booleans())


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)


def rings_of(pixels: np.ndarray) -> list[np.ndarray]:
    return [ring.astype(float) for ring in trace_rings(pixels, 8)]


@settings(max_examples=150, deadline=None)
@given(CROPS.filter(np.any))
def test_the_ring_of_any_mask_fills_just_its_pixels(pixels: np.ndarray) -> None:
    ring, _ = join_rings(rings_of(pixels))
    filled = decode([[v for point in ring for v in point]], *pixels.shape)
    np.testing.assert_array_equal(filled.astype(bool), pixels)


def inside_by_crossings(ring: list[tuple[float, float]], x: float, y: float) -> bool:
    """Even-odd rule by counting the edges that a ray to the right crosses."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            crossings += 1
    return crossings % 2 == 1


def test_a_hole_and_a_far_part_are_found_by_counting_crossings() -> None:
    rings = [box(0, 0, 9, 9), box(3, 3, 6, 6)[::-1], box(20, 2, 24, 5)]
    outline = shapely.union(shapely.Polygon(rings[0], [rings[1]]), shapely.Polygon(rings[2]))
    ring, bridges = join_rings(rings)
    assert len(bridges) == 2
    for x in np.arange(0.25, 25, 0.5):
        for y in np.arange(0.21, 10, 0.5):
            assert inside_by_crossings(ring, x, y) == shapely.contains_xy(outline, x, y)


def test_one_part_without_a_hole_keeps_its_corners_only() -> None:
    ring, bridges = join_rings([box(2, 3, 5, 7)])
    assert sorted(ring) == [(2, 3), (2, 7), (5, 3), (5, 7)]
    assert bridges == []


def test_bridges_join_nearest_points() -> None:
    ring, (bridge,) = join_rings([box(0, 0, 2, 2), box(5, 0, 7, 2)])
    steps = {frozenset(step) for step in zip(ring, ring[1:] + ring[:1], strict=True)}
    found = [step for step in steps if sum(x > 3 for x, _ in step) == 1]
    assert found == [frozenset(bridge)]
    assert {x for x, _ in bridge} == {2, 5}
    assert len({y for _, y in bridge}) == 1


def test_a_bridge_may_start_between_corners() -> None:
    """A small part beside the middle of a long side: the bridge leads straight to it."""
    _, (bridge,) = join_rings([box(0, 0, 3, 50), box(5, 20, 6, 21)])
    (x0, y0), (x1, y1) = sorted(bridge)
    assert (x0, x1, y0 - y1) == (3, 5, 0)


def test_only_the_ends_of_bridges_are_added_as_points() -> None:
    ring, bridges = join_rings([box(0, 0, 3, 50), box(5, 20, 6, 21)])
    assert len(ring) <= 8 + 2 * len(bridges) + 2


@pytest.mark.parametrize("parts", [2, 400])
def test_many_parts_in_a_row_need_no_recursion(parts: int) -> None:
    pixels = np.zeros((1, 2 * parts), bool)
    pixels[0, ::2] = True
    ring, bridges = join_rings(rings_of(pixels))
    assert len(bridges) == parts - 1
    np.testing.assert_array_equal(decode([[v for p in ring for v in p]], 1, 2 * parts).astype(bool), pixels)
