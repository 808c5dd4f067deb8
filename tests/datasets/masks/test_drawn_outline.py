"""Outlines that OpenCV draws as the mask: exactly at its own size, and true in area when they are resized."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.masks.component import mask_to_component
from datasets.masks.drawn_outline import box_gap, drawn_outline, inset_for, touch_boxes
from datasets.masks.find_components import components
from datasets.masks.ring_table import ring_table

CROPS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.booleans())
SCALES = st.sampled_from([0.1, 0.3, 0.71, 1, 2, 8])


def draw(rings: list[np.ndarray], size: tuple[int, ...], scale: float = 1) -> np.ndarray:
    """The mask that OpenCV draws from rings without the fractions of their coordinates, as in Ultralytics."""
    canvas = np.zeros([round(side * scale) for side in size], np.uint8)
    cv2.fillPoly(canvas, [(ring * scale).astype(np.int32) for ring in rings], 1)
    return canvas.astype(bool)


@settings(max_examples=200, deadline=None)
@given(CROPS.filter(np.any), SCALES)
def test_any_mask_is_drawn_exactly_at_its_own_size(pixels: np.ndarray, scale: float) -> None:
    np.testing.assert_array_equal(draw(drawn_outline(pixels, inset_for(scale)), pixels.shape), pixels)


@settings(max_examples=100, deadline=None)
@given(CROPS.filter(np.any), SCALES)
def test_spikes_reach_the_box_and_change_no_pixel(pixels: np.ndarray, scale: float) -> None:
    part = max((mask_to_component(c.pixels) for c in components(pixels)), key=lambda c: c.area).pixels
    outer, *holes = drawn_outline(part, inset_for(scale))
    height, width = part.shape
    gaps = np.array([box_gap(height, width)])
    (touching,) = touch_boxes(ring_table([outer], [0]), np.array([(width, height)]), gaps).rings()
    np.testing.assert_array_equal(draw([touching, *holes], part.shape), part)
    assert [*touching.min(axis=0), *touching.max(axis=0)] == pytest.approx([0, 0, width, height], abs=3e-4)


def crack(width: int) -> np.ndarray:
    mask = np.zeros((300, 400), np.uint8)
    points = np.array([[20, 30], [150, 90], [170, 220], [300, 250], [380, 40]])
    cv2.polylines(mask, [points], False, 1, width)
    return mask.astype(bool)


def disk() -> np.ndarray:
    y, x = np.mgrid[:300, :400]
    return (x - 200) ** 2 + (y - 150) ** 2 < 100**2


@pytest.mark.parametrize("scale", [0.51, 0.71, 1.6, 3.2])
@pytest.mark.parametrize("mask", [crack(3), crack(5), disk()], ids=["crack of 3 px", "crack of 5 px", "disk"])
def test_a_resized_outline_keeps_its_area(mask: np.ndarray, scale: float) -> None:
    rings = [np.concatenate([along(ring) for ring in drawn_outline(mask, inset_for(scale))])]
    assert draw(rings, mask.shape, scale).sum() / scale**2 == pytest.approx(mask.sum(), rel=0.04)


def along(ring: np.ndarray) -> np.ndarray:
    """The ring with nine points on each side, as Ultralytics' resampling adds them."""
    after = np.roll(ring, -1, axis=0)
    return (
        np.concatenate([ring + (after - ring) * k / 10 for k in range(10)])
        .reshape(10, -1, 2)
        .swapaxes(0, 1)
        .reshape(-1, 2)
    )


def test_the_outline_along_the_sides_of_the_pixels_is_drawn_too_large() -> None:
    """Without the inset, a line of 3 x 40 pixels is drawn with 4 x 41 pixels."""
    sides = np.array([[5.0, 5.0], [45.0, 5.0], [45.0, 8.0], [5.0, 8.0]])
    assert draw([sides], (20, 60)).sum() == 41 * 4
    line = np.zeros((20, 60), bool)
    line[5:8, 5:45] = True
    assert draw(drawn_outline(line, 0.5), line.shape).sum() == 40 * 3


@pytest.mark.parametrize(
    ("scale", "inset"), [(1, 0.5), (0.625, 0.8), (0.512, 0.9766), (0.2, 0.98), (2, 0.25), (10, 0.1)]
)
def test_the_inset_is_half_a_pixel_of_the_resized_image_inside_one_pixel(scale: float, inset: float) -> None:
    assert inset_for(scale) == pytest.approx(inset, rel=1e-4)
