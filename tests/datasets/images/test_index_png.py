import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from datasets.images.index_png import encode_index_png

PALETTE = (0, 0, 0, 255, 0, 0, 0, 255, 0)


@given(
    st.sampled_from([1, 2, 3, 4, 15, 16, 255]).flatmap(
        lambda largest: hnp.arrays(
            np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 35)), elements=st.integers(0, largest)
        )
    )
)
def test_pillow_reads_the_indices_back(indices: np.ndarray) -> None:
    example_image = Image.open(io.BytesIO(encode_index_png(indices, PALETTE)))
    assert example_image.mode == "P"
    assert (np.asarray(example_image) == indices).all()


def test_colours_are_those_of_the_palette_and_repeat_without_the_background() -> None:
    indices = np.arange(5, dtype=np.uint8)[None]
    data = np.frombuffer(encode_index_png(indices, PALETTE), np.uint8)
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert bgr[0].tolist() == [[0, 0, 0], [0, 0, 255], [0, 255, 0], [0, 0, 255], [0, 255, 0]]


@pytest.mark.parametrize(("largest", "bits"), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (15, 4), (16, 8), (255, 8)])
def test_no_more_bits_than_the_largest_index_needs(largest: int, bits: int) -> None:
    data = encode_index_png(np.full((2, 3), largest, np.uint8), PALETTE)
    assert data[24] == bits  # the first byte of IHDR after width and height


def test_packing_does_not_depend_on_earlier_images() -> None:
    rng = np.random.default_rng(0)
    noisy, striped = rng.integers(0, 256, (90, 700), np.uint8), np.tile(np.uint8([0, 3, 3, 3]), (300, 70))
    wanted = encode_index_png(striped, PALETTE)
    encode_index_png(noisy, PALETTE)
    assert encode_index_png(striped, PALETTE) == wanted
    assert (np.asarray(Image.open(io.BytesIO(encode_index_png(noisy, PALETTE)))) == noisy).all()
