import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.formats.labelme import Shape
from datasets.formats.labelme_shapes import draw_shapes
from datasets.masks.rle import decode, rle_area
from tests.labelme_files import HEIGHT, WIDTH, inside_disk, png_base64

quarters = st.integers(-120, 360).map(lambda n: n / 4)  # so that squares and their sums are exact


@given(quarters, quarters, quarters, quarters)
def test_circle_has_the_pixels_whose_centre_is_as_near_as_its_point(
    cx: float, cy: float, px: float, py: float
) -> None:
    circle = Shape("a", [(cx, cy), (px, py)], shape_type="circle")
    (drawn,) = draw_shapes("a.json", [(0, circle)], HEIGHT, WIDTH)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    wanted = (x - cx) ** 2 + (y - cy) ** 2 <= (px - cx) ** 2 + (py - cy) ** 2
    off = np.abs(np.hypot(x - cx, y - cy) - np.hypot(px - cx, py - cy)) < 1e-9  # on the line: decided by rounding
    found = np.zeros_like(wanted) if drawn.rle is None else decode(drawn.rle, HEIGHT, WIDTH).astype(bool)
    assert np.array_equal(found | off, wanted | off)


def test_circle_of_round_numbers() -> None:
    (drawn,) = draw_shapes("a.json", [(0, Shape("a", [(30, 20), (36, 28)], shape_type="circle"))], HEIGHT, WIDTH)
    assert drawn.rle is not None
    assert np.array_equal(decode(drawn.rle, HEIGHT, WIDTH).astype(bool), inside_disk(30, 20, 10))


@pytest.mark.parametrize("kind", ["circle", "mask"])
def test_memory_is_that_of_the_shape_and_not_of_the_image(kind: str) -> None:
    mask = png_base64(np.full((9, 9), 255)) if kind == "mask" else None
    shape = Shape("a", [(40_000, 40_000), (40_008, 40_008)], shape_type=kind, mask=mask)
    peaks = []
    for _ in range(
        3
    ):  # the first imports modules; leftovers of other tests may be collected, and allocate, in one
        tracemalloc.start()
        try:
            (drawn,) = draw_shapes("a.json", [(0, shape)], 60_000, 60_000)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert min(peaks) < 5e6
    inside = sum((i + 0.5) ** 2 + (j + 0.5) ** 2 <= 128 for i in range(-20, 20) for j in range(-20, 20))
    assert drawn.rle is not None
    assert rle_area(drawn.rle) == {"circle": inside, "mask": 81}[kind]
