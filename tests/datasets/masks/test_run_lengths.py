import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from datasets.coco import Rle
from datasets.masks.rle import encode
from datasets.masks.run_lengths import boxes_in_image, covers_image

masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def box_of_pixels(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    if not mask.any():
        return (0, 0, 0, 0)
    y, x = np.nonzero(mask)
    return (int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1)


def pack(runs: list[int], height: int, width: int) -> Rle:
    packed = coco_mask.frPyObjects({"size": [height, width], "counts": runs}, height, width)
    return Rle((height, width), packed["counts"].decode())


@given(st.lists(masks, min_size=1, max_size=8))
def test_the_boxes_of_many_masks_are_those_of_their_pixels(drawn: list[NDArray[np.bool_]]) -> None:
    assert boxes_in_image([encode(mask) for mask in drawn]) == [box_of_pixels(mask) for mask in drawn]


def test_large_runs_are_unpacked() -> None:
    first = np.zeros((3000, 4000), np.bool_)
    first[17:2900, 5:3990] = True
    second = np.zeros((3000, 4000), np.bool_)
    second[:, 2000:] = True
    assert boxes_in_image([encode(first), encode(second)]) == [(5, 17, 3985, 2883), (2000, 0, 2000, 3000)]


def test_an_empty_run_is_not_a_pixel() -> None:
    # 3 outside, 2 inside, 10 outside, 0 inside, 5 outside of an image of 4 x 5: rows 3 and 0 of columns 0 and 1
    assert boxes_in_image([pack([3, 2, 10, 0, 5], 4, 5)]) == [(0, 0, 2, 4)]
    assert boxes_in_image([pack([3, 0, 17], 4, 5)]) == [(0, 0, 0, 0)]


def test_a_mask_that_does_not_fill_its_image_has_no_box() -> None:
    whole, short = pack([3, 2, 15], 4, 5), Rle((4, 6), pack([3, 2, 15], 4, 5).counts)
    assert boxes_in_image([short, whole]) == [None, (0, 0, 2, 4)]
    assert covers_image(whole, 4, 5)
    assert not covers_image(short, 4, 6)


def test_unusual_masks_are_left_to_the_caller() -> None:
    assert boxes_in_image([]) == []
    usual = pack([3, 2, 15], 4, 5)
    for counts in ([3, 2, 15], "", "3é", "3p", "o" * 12 + "1", "3o"):
        assert boxes_in_image([usual, Rle((4, 5), counts)]) is None, counts
        assert boxes_in_image([usual]) == [(0, 0, 2, 4)]
