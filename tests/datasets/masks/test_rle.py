import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datasets.coco import Rle
from datasets.masks.rle import (
    decode,
    encode,
    from_pycocotools,
    merge_rles,
    rle_area,
    rle_box,
    rle_ious,
    shared_area,
    to_pycocotools,
)
from datasets.masks.run_lengths import covers_image, run_lengths

BOOL_MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))
PAIRS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda size: st.tuples(hnp.arrays(bool, size), hnp.arrays(bool, size))
)


@given(BOOL_MASKS)
def test_rle_and_back(mask: np.ndarray) -> None:
    rle = encode(mask)
    assert np.array_equal(decode(rle, *mask.shape), mask)
    assert rle_area(rle) == mask.sum()
    if mask.any():
        rows, columns = np.nonzero(mask)
        x, y, w, h = rle_box(rle)
        assert (x, y, x + w, y + h) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@given(PAIRS)
def test_unions_and_overlaps_are_those_of_the_pixels(masks: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = masks
    a, b = encode(first), encode(second)
    assert np.array_equal(decode(merge_rles([a, b]), *first.shape), first | second)
    assert merge_rles([a]) == a
    assert shared_area(a, b) == (first & second).sum()
    if (first | second).any():
        assert np.isclose(rle_ious([a], [b])[0, 0], (first & second).sum() / (first | second).sum())


@given(BOOL_MASKS)
def test_the_dictionary_of_pycocotools_and_back(mask: np.ndarray) -> None:
    rle = encode(mask)
    assert from_pycocotools(to_pycocotools(rle)) == rle
    assert to_pycocotools(rle)["size"] == list(mask.shape)


@given(BOOL_MASKS)
def test_run_lengths_alternate_between_outside_and_inside(mask: np.ndarray) -> None:
    runs = run_lengths(str(encode(mask).counts))
    inside = np.arange(len(runs)) % 2 == 1
    assert np.array_equal(np.repeat(inside, runs), mask.T.ravel())


def test_decode_takes_every_form_of_segmentation() -> None:
    square = np.zeros((5, 6), np.uint8)
    square[1:3, 2:5] = 1
    plain = Rle((5, 6), [11, 2, 3, 2, 3, 2, 7])
    for segmentation in (encode(square), plain, [[2, 1, 5, 1, 5, 3, 2, 3]]):
        assert np.array_equal(decode(segmentation, 5, 6), square)
    assert not decode([], 5, 6).any()


def test_run_lengths_that_do_not_cover_the_image_are_found() -> None:
    rle = encode(np.eye(7, 9, dtype=np.uint8))
    text = str(rle.counts)
    assert covers_image(rle, 7, 9)
    assert covers_image(Rle((7, 9), [10, 3, 50]), 7, 9)
    for counts in (text[:-1], text + "1", "", "~~", "o", "\u00e9", [], [63, 1], [-1, 64]):
        assert not covers_image(Rle((7, 9), counts), 7, 9), counts
    assert not covers_image(rle, 9, 7)
