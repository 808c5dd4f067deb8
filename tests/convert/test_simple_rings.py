"""Simplified outlines of many parts: distance from the outline, pixels, and the same result for equal parts."""

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from convert.simple_rings import simplify_rings
from convert.to_shapes import runs_to_shapes
from datasets.masks.component import Component, mask_to_component
from datasets.masks.part_rings import trace_parts
from datasets.masks.pixel_runs import runs_of_components
from datasets.masks.ring_table import RingTable, ring_table

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=10), elements=st.booleans())


def without_holes(masks: list[np.ndarray]) -> RingTable:
    shells, holes = trace_parts(runs_of_components([mask_to_component(mask) for mask in masks]))
    has_holes = np.isin(np.arange(len(shells.lengths)), holes.owner)
    return shells.select(~has_holes)


def centres_inside(ring: np.ndarray) -> set[tuple[float, float]]:
    x, y = np.meshgrid(np.arange(12) + 0.5, np.arange(12) + 0.5)
    inside = shapely.contains_xy(shapely.Polygon(ring), x, y)
    return set(zip(x[inside].tolist(), y[inside].tolist(), strict=True))


@settings(max_examples=80, deadline=None)
@given(st.lists(MASKS.filter(np.any), min_size=1, max_size=5), st.sampled_from([0.0, 0.7, 1.0, 3.0]))
def test_simple_rings_stay_near_the_outline_and_keep_the_pixels(masks: list[np.ndarray], tolerance: float) -> None:
    corners = without_holes(masks)
    simple = simplify_rings(corners, tolerance, 0.99)
    assert simple.owner.tolist() == corners.owner.tolist()
    for ring, own in zip(simple.rings(), corners.rings(), strict=True):
        # the ring through the middles is at most half the diagonal of a pixel away from the corners
        assert shapely.Polygon(ring).boundary.hausdorff_distance(shapely.Polygon(own).boundary) <= tolerance + 0.75
        assert shapely.Polygon(ring).is_valid
        wanted = centres_inside(own)
        # a centre on a side counts by the rule of polygon_fill, which contains_xy does not follow
        on_side = {c for c in wanted if shapely.Polygon(ring).boundary.distance(shapely.Point(c)) < 1e-9}
        assert len(wanted - on_side - centres_inside(ring)) <= 0.01 * len(wanted)


def test_equal_parts_get_equal_rings_wherever_they_are() -> None:
    square = np.array([[0.0, 0], [0, 3], [4, 3], [4, 0]])
    simple = simplify_rings(ring_table([square, np.add(square, (5, 2)), square], [0, 1, 2]), 1, 0.99).rings()
    np.testing.assert_array_equal(simple[0], simple[2])
    np.testing.assert_array_equal(np.add(simple[0], (5, 2)), simple[1])


def test_no_rings_give_no_rings() -> None:
    assert not len(simplify_rings(ring_table([], []), 1, 0.99).lengths)


def test_rings_that_cross_many_columns_are_filled_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    masks = [np.ones((2, k), bool) for k in range(1, 9)]
    together = simplify_rings(without_holes(masks), 1, 0.99)
    monkeypatch.setattr("convert.simple_rings.MAX_COLUMNS", 5)
    np.testing.assert_array_equal(simplify_rings(without_holes(masks), 1, 0.99).points, together.points)


def test_shapes_of_several_masks_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    components = []
    for k in range(12):
        noise = cv2.GaussianBlur(rng.random((30, 30)).astype(np.float32), (0, 0), 1.5)
        part = mask_to_component(noise > np.median(noise))
        components.append(Component((part.box[0] + k, part.box[1] + 3, *part.box[2:]), part.pixels))
    labels = [f"type {k % 3}" for k in range(12)]
    together = runs_to_shapes(runs_of_components(components), labels)
    assert {shape.kind for own in together for shape in own} == {"polygon", "mask"}
    for component, label, own in zip(components, labels, together, strict=True):
        assert own == runs_to_shapes(runs_of_components([component]), [label])[0]
