"""Annotations of several images at once: groups of limited size, and the pixels of every kind of mask."""

import numpy as np
import pytest

from convert.coco_batches import BATCH_IMAGES, BATCH_SIZE, in_batches, instance_runs
from convert.coco_source import CocoImage
from datasets.coco import Annotation, Image, Rle
from datasets.masks.rle import encode
from system.errors import InputError


def item(number: int, *annotations: Annotation) -> CocoImage:
    return CocoImage(Image(number, f"{number}.png", 10, 8), "train", list(annotations))


def masked(number: int, segmentation: Rle | list[list[float]]) -> tuple[Image, Annotation]:
    return Image(1, "a.png", 10, 8), Annotation(number, 1, 1, (0, 0, 1, 1), 1, segmentation)


def test_batches_keep_the_order_and_have_a_limited_number_of_images() -> None:
    images = [item(k) for k in range(2 * BATCH_IMAGES + 1)]
    batches = in_batches(images)
    assert [len(batch) for batch in batches] == [BATCH_IMAGES, BATCH_IMAGES, 1]
    assert [image for batch in batches for image in batch] == images
    assert in_batches([]) == []


def test_batches_have_a_limited_number_of_run_lengths() -> None:
    long = Annotation(1, 1, 1, (0, 0, 1, 1), 1, Rle((8, 10), "1" * (BATCH_SIZE // 2)))
    wide = Annotation(1, 1, 1, (0, 0, 99_999, 1), 1, Rle((8, 10), "11"))
    assert [len(batch) for batch in in_batches([item(k, long) for k in range(3)])] == [1, 1, 1]
    assert [len(batch) for batch in in_batches([item(k, wide) for k in range(3)])] == [1, 1, 1]


def test_runs_of_compressed_plain_and_drawn_masks() -> None:
    pixels = np.zeros((8, 10), bool)
    pixels[2:5, 3:7] = True
    lengths = [3 * 8 + 2, 3, 5, 3, 5, 3, 5, 3, 3 + 3 * 8]
    ring = [3.0, 2, 7, 2, 7, 5, 3, 5]
    runs = instance_runs([masked(1, encode(pixels)), masked(2, Rle((8, 10), lengths)), masked(3, [ring])])
    assert runs.boxes.tolist() == [[3, 2, 4, 3]] * 3
    assert [runs.component(k).area for k in range(3)] == [12] * 3


def test_a_mask_without_pixels_has_an_empty_box() -> None:
    runs = instance_runs([masked(1, encode(np.zeros((8, 10), bool))), masked(2, encode(np.ones((8, 10), bool)))])
    assert runs.boxes.tolist() == [[0, 0, 0, 0], [0, 0, 10, 8]]
    assert instance_runs([]).boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("segmentation", "problem"),
    [
        (encode(np.ones((8, 9), bool)), "annotation 2: a mask of 9 x 8 pixels in an image of 10 x 8"),
        (Rle((8, 10), "11"), "annotation 2: the run lengths"),
        ([[1.0, 1, 2, 2]], "annotation 2: a polygon"),
    ],
)
def test_a_bad_mask_among_good_ones_is_named(segmentation: Rle | list[list[float]], problem: str) -> None:
    good = masked(1, encode(np.ones((8, 10), bool)))
    with pytest.raises(InputError, match=problem):
        instance_runs([good, masked(2, segmentation), good])
