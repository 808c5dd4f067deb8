"""One ring for holes and parts, held to the even-odd rule as OpenCV and pycocotools fill by it."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.masks.bridged_ring import outline_to_ring
from datasets.masks.pixel_outline import pixel_outline
from datasets.masks.rle import decode

CROPS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.booleans())


@settings(max_examples=150, deadline=None)
@given(CROPS.filter(np.any))
def test_the_ring_of_any_mask_fills_just_its_pixels(pixels: np.ndarray) -> None:
    ring = outline_to_ring(pixel_outline(pixels))
    filled = decode([[v for point in ring for v in point]], *pixels.shape)
    np.testing.assert_array_equal(filled.astype(bool), pixels)


def inside_by_crossings(ring: list[tuple[float, float]], x: float, y: float) -> bool:
    """Even-odd rule by counting the edges that a ray to the right crosses."""
    crossings = 0
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            crossings += 1
    return crossings % 2 == 1


def test_a_hole_and_a_far_part_are_told_by_counting_crossings() -> None:
    outline = shapely.MultiPolygon(
        [
            shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(3, 3), (6, 3), (6, 6), (3, 6)]]),
            shapely.box(20, 2, 24, 5),
        ]
    )
    ring = outline_to_ring(outline)
    for x in np.arange(0.25, 25, 0.5):
        for y in np.arange(0.21, 10, 0.5):
            assert inside_by_crossings(ring, x, y) == shapely.contains_xy(outline, x, y)


def test_one_part_without_a_hole_keeps_its_corners_only() -> None:
    ring = outline_to_ring(shapely.box(2, 3, 5, 7))
    assert sorted(ring) == [(2, 3), (2, 7), (5, 3), (5, 7)]


def test_bridges_join_nearest_corners() -> None:
    ring = outline_to_ring(shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(5, 0, 7, 2)]))
    steps = {frozenset(step) for step in zip(ring, ring[1:] + ring[:1], strict=True)}
    bridges = [step for step in steps if sum(x > 3 for x, _ in step) == 1]
    assert bridges in ([frozenset({(2.0, y), (5.0, y)})] for y in (0.0, 2.0))


@pytest.mark.parametrize("parts", [2, 400])
def test_many_parts_in_a_row_need_no_recursion(parts: int) -> None:
    pixels = np.zeros((1, 2 * parts), bool)
    pixels[0, ::2] = True
    ring = outline_to_ring(pixel_outline(pixels))
    np.testing.assert_array_equal(decode([[v for p in ring for v in p]], 1, 2 * parts).astype(bool), pixels)
