"""Geometry of the augmentation: pixels and boxes move together, and boxes stay tight."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from datasets.coco import Annotation
from datasets.masks.rle import encode
from train_det.augment import (
    draw_map,
    frame_colour,
    jitter_colours,
    warp_box,
    warp_image,
)
from train_det.data import draw_square, outline_points
from train_det.options import DetectorAugmentation
from training.letterbox import Letterbox

NO_LIGHT = DetectorAugmentation(brightness=0, contrast=0, saturation=0, hue=0)


def annotation_of(mask: NDArray[np.uint8]) -> Annotation:
    ys, xs = np.nonzero(mask)
    x, y = int(xs.min()), int(ys.min())
    box = (x, y, int(xs.max()) + 1 - x, int(ys.max()) + 1 - y)
    return Annotation(1, 1, 1, box, int(mask.sum()), encode(mask))


def painted(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(mask[:, :, None] * 255, 3, axis=2).astype(np.uint8)


def seen_box(square: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(square[..., 0] > 127)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def test_without_augmentation_the_box_is_the_letterboxed_one() -> None:
    mask = np.zeros((60, 120), np.uint8)
    mask[12:24, 30:90] = 1
    points, exact = outline_points(annotation_of(mask), 60, 120)
    assert exact
    # 120 x 60 into 240: twice as large, 60 pixels of padding above
    assert warp_box(points, Letterbox(60, 120, 240).matrix, 240) == (60, 84, 180, 108)
    square, matrix = draw_square(painted(mask), 240)
    assert seen_box(square) == (60, 84, 180, 108)
    assert matrix @ [30, 12, 1] == pytest.approx([60, 84, 1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_box_of_a_turned_mask_is_that_of_its_pixels(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = np.zeros((160, 160), np.uint8)
    y, x = random.integers(30, 110, 2)
    mask[y : y + 6, x : x + 40] = 1
    mask[y : y + 30, x : x + 6] = 1
    matrix = draw_map(NO_LIGHT, 320, random) @ Letterbox(160, 160, 320).matrix
    points, _ = outline_points(annotation_of(mask), 160, 160)
    box = warp_box(points, matrix, 320)
    square = warp_image(painted(mask), matrix, 320)
    if box is None:
        assert (square[..., 0] > 127).mean() < 0.01
    else:
        assert box == pytest.approx(seen_box(square), abs=2.0)


def test_a_turned_box_is_looser_than_a_turned_mask() -> None:
    mask = np.tri(100, k=2, dtype=np.uint8) - np.tri(100, k=-3, dtype=np.uint8)
    annotation = annotation_of(mask)
    tight, _ = outline_points(annotation, 100, 100)
    loose, exact = outline_points(Annotation(1, 1, 1, annotation.bbox, 100), 100, 100)
    assert not exact
    quarter = np.pi / 4
    turn = np.array([[np.cos(quarter), -np.sin(quarter), 80], [np.sin(quarter), np.cos(quarter), -20], [0, 0, 1]])
    tight_box, loose_box = warp_box(tight, turn, 200), warp_box(loose, turn, 200)
    assert tight_box is not None
    assert loose_box is not None
    assert tight_box[2] - tight_box[0] < 6
    assert loose_box[2] - loose_box[0] > 130


@pytest.mark.parametrize("rotation", ["right", "none"])
def test_right_angles_keep_a_box_without_mask_exact(rotation: str) -> None:
    how = DetectorAugmentation(rotation=rotation, flip=True, scale=0, shift=0)  # type: ignore[arg-type]
    points, _ = outline_points(Annotation(1, 1, 1, (10, 20, 30, 50), 1500), 100, 100)
    sizes = set()
    for seed in range(20):
        box = warp_box(points, draw_map(how, 100, np.random.default_rng(seed)), 100)
        assert box is not None
        sizes.add((round(box[2] - box[0], 3), round(box[3] - box[1], 3)))
    assert sizes == ({(30, 50), (50, 30)} if rotation == "right" else {(30, 50)})


def test_what_leaves_the_square_is_cut_and_mostly_gone_is_dropped() -> None:
    points, _ = outline_points(Annotation(1, 1, 1, (0, 40, 100, 20), 2000), 100, 100)

    def moved(by: float) -> tuple[float, float, float, float] | None:
        return warp_box(points, np.array([[1, 0, by], [0, 1, 0], [0, 0, 1.0]]), 100)

    assert moved(50) == pytest.approx((50, 40, 100, 60), abs=1)
    assert moved(80) is None
    assert moved(200) is None


def test_outside_is_filled_with_the_colour_of_the_frame() -> None:
    image = np.full((50, 50, 3), (10, 200, 30), np.uint8)
    image[10:40, 10:40] = 0
    assert frame_colour(image) == (10, 200, 30)
    square, _ = draw_square(np.repeat(image, 2, axis=1), 64)
    assert square[0, 0].tolist() == [10, 200, 30]


def test_light_varies_within_its_bounds_and_not_at_all_when_switched_off() -> None:
    random = np.random.default_rng(0)
    image = random.integers(60, 160, (8, 8, 3)).astype(np.uint8)
    assert (jitter_colours(image, NO_LIGHT, random) == image).all()
    means = [
        jitter_colours(image, DetectorAugmentation(contrast=0, saturation=0, hue=0), random).mean() / image.mean()
        for _ in range(200)
    ]
    assert 0.78 < min(means) < 0.85
    assert 1.15 < max(means) < 1.22
