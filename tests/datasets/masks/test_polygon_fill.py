import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from datasets.masks.polygon_fill import fill_even_odd
from datasets.masks.rle import decode, rle_area, to_pycocotools
from system.errors import OptionError
from tests.labelme_files import HEIGHT, WIDTH, inside_polygon

# with thirds, no side passes through a pixel centre, where the result would be arbitrary
coordinate = st.integers(-60, 240).map(lambda n: n / 3 + 0.0123)
ring = st.lists(st.tuples(coordinate, coordinate.map(lambda v: v * 0.77)), min_size=3, max_size=12)


@given(st.lists(st.lists(ring, max_size=3), max_size=4))
def test_a_pixel_is_inside_when_its_centre_is(shapes: list[list[list[tuple[float, float]]]]) -> None:
    masks = fill_even_odd(shapes, HEIGHT, WIDTH)
    assert len(masks) == len(shapes)
    for rings, mask in zip(shapes, masks, strict=False):
        wanted = np.zeros((HEIGHT, WIDTH), bool)
        for points in rings:
            wanted ^= inside_polygon(points)
        assert to_pycocotools(mask) == coco_mask.encode(np.asfortranarray(wanted.astype(np.uint8)))


def test_whole_images_edges_and_far_corners() -> None:
    whole = [(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)]
    pixel = [(59, 39), (60, 39), (60, 40), (59, 40)]
    outside = [(70, 5), (80, 5), (75, 9)]
    masks = fill_even_odd([[whole], [pixel], [outside], [whole, pixel]], HEIGHT, WIDTH)
    assert [rle_area(mask) for mask in masks] == [HEIGHT * WIDTH, 1, 0, HEIGHT * WIDTH - 1]
    assert decode(masks[1], HEIGHT, WIDTH)[39, 59] == 1


def test_areas_are_not_biased() -> None:
    rng = np.random.default_rng(0)
    angles = np.sort(rng.uniform(0, 2 * np.pi, (200, 7)), axis=1)
    shapes = [np.stack((30 + 12.3 * np.cos(a), 20.4 + 12.3 * np.sin(a)), axis=1) for a in angles]
    x, y = np.array(shapes).transpose(2, 0, 1)
    areas = np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(axis=1)) / 2
    got = sum(map(rle_area, fill_even_odd([[s.tolist()] for s in shapes], HEIGHT, WIDTH)))
    assert got == pytest.approx(areas.sum(), rel=0.002)


def test_shapes_that_are_too_long_together_are_drawn_in_groups() -> None:
    saw = [[(0, 0), (60, 40)] * 25_000, [(60, 0), (0, 40)] * 25_000]  # 3,000,000 columns each
    square = [[(0, 0), (9, 0), (9, 7), (0, 7)]]
    *_, area = map(rle_area, fill_even_odd([[saw[0]], [saw[1]], square], HEIGHT, WIDTH))
    assert area == 63


def test_shapes_that_need_too_much_memory_are_refused() -> None:
    with pytest.raises(OptionError, match="crosses 6000000 columns"):
        fill_even_odd([[[(0, 0), (60, 40)] * 50_000]], HEIGHT, WIDTH)
