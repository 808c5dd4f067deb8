"""Drawn segments equal those of Ultralytics, and bridges are recognised."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.masks.bridged_ring import join_rings
from datasets.masks.component import Component
from datasets.masks.drawn_outline import drawn_outline
from datasets.masks.drawn_segment import draw_segment, split_at_bridges

HEIGHT, WIDTH = 40, 60
CROPS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.booleans())
VALUES = st.lists(st.integers(-80, 8080).map(lambda n: n / 8000), min_size=6, max_size=24).filter(
    lambda v: len(v) % 2 == 0
)


def unpack(component: Component | None, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    if component is not None:
        x, y, w, h = component.box
        mask[y : y + h, x : x + w] = component.pixels
    return mask


@settings(max_examples=100, deadline=None)
@given(VALUES, st.integers(0, 3000))
def test_the_pixels_are_those_of_ultralytics(values: list[float], longest: int) -> None:
    importlib.import_module("train_det.ultralytics_api")  # keeps Ultralytics out of the home folder
    utils = importlib.import_module("ultralytics.data.utils")
    ops = importlib.import_module("ultralytics.utils.ops")
    longest = max(longest, len(values) // 2)
    count = 1000 if longest <= 1000 else longest + 1
    (resampled,) = ops.resample_segments([np.array(values, np.float32).reshape(-1, 2)], n=count)
    wanted = utils.polygon2mask((HEIGHT, WIDTH), [(resampled * np.float32([WIDTH, HEIGHT])).reshape(-1)])
    if len(set(zip(values[::2], values[1::2], strict=True))) == len(values) // 2:  # else it may have bridges
        np.testing.assert_array_equal(unpack(draw_segment(values, longest, HEIGHT, WIDTH)), wanted.astype(bool))


@settings(max_examples=150, deadline=None)
@given(CROPS.filter(np.any), st.sampled_from([0.3, 0.5, 0.7]))
def test_holes_and_parts_come_back_without_their_bridges(pixels: np.ndarray, inset: float) -> None:
    ring, _ = join_rings(drawn_outline(pixels, inset))
    height, width = pixels.shape
    values = [v for x, y in ring for v in (x / width, y / height)]
    found = unpack(draw_segment(values, len(ring), height, width), height, width)
    # two pixels that touch at a corner are connected through a point; rounding may add a neighbouring pixel there
    assert (found != pixels).sum() <= 1


def test_a_line_between_two_areas_is_a_bridge() -> None:
    ring = np.float32([(0, 0), (4, 0), (4, 4), (9, 4), (9, 9), (12, 9), (12, 4), (9, 4), (4, 4), (0, 4)])
    assert sorted(len(part) for part in split_at_bridges(ring, 1)) == [4, 4]


def test_the_end_of_a_crack_traced_through_pixel_centres_is_not_a_bridge() -> None:
    ring = np.float32([(0, 0), (4, 0), (4, 4), (9, 8), (15, 8), (9, 8), (4, 4), (0, 4)])
    (part,) = split_at_bridges(ring, 1)
    np.testing.assert_array_equal(part, ring)
    values = (ring / (WIDTH, HEIGHT)).ravel().tolist()
    assert unpack(draw_segment(values, len(ring), HEIGHT, WIDTH))[8, 15]


@pytest.mark.parametrize("outside", [(2.0, 2.0, 3.0, 2.0, 3.0, 3.0), (-3.0, 0.1, -2.0, 0.1, -2.0, 0.3)])
def test_nothing_is_drawn_outside(outside: tuple[float, ...]) -> None:
    assert draw_segment(outside, 3, HEIGHT, WIDTH) is None
