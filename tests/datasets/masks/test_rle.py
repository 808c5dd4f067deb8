import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.coco import Rle
from datasets.masks.rle import encode, rle_to_component
from datasets.masks.run_lengths import covers_image


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 1)))
def test_small_masks_are_cropped_to_their_box(mask: np.ndarray) -> None:
    assume(mask.any())
    check(mask)


@given(st.integers(1, 2000), st.integers(1, 1500), st.data())
def test_long_runs_are_unpacked(height: int, width: int, data: st.DataObject) -> None:
    mask = np.zeros((height, width), np.uint8)
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    mask[y : data.draw(st.integers(y + 1, height)), x : data.draw(st.integers(x + 1, width))] = 1
    check(mask)


def check(mask: np.ndarray) -> None:
    component = rle_to_component(encode(mask))
    rows, columns = np.nonzero(mask)
    box = (columns.min(), rows.min(), columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min())
    assert component.box == box
    assert (component.pixels == mask[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].astype(bool)).all()
    assert component.area == mask.sum()


def test_run_lengths_that_do_not_fill_the_picture_are_told() -> None:
    rle = encode(np.eye(7, 9, dtype=np.uint8))
    text = str(rle.counts)
    assert covers_image(rle, 7, 9)
    assert covers_image(Rle((7, 9), [10, 3, 50]), 7, 9)
    for counts in (text[:-1], text + "1", "", "~~", "o", "\u00e9", [], [63, 1], [-1, 64]):
        assert not covers_image(Rle((7, 9), counts), 7, 9), counts
    assert not covers_image(rle, 9, 7)
