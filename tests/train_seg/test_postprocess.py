from collections.abc import Sequence

import numpy as np
import pytest

from datasets.coco import Category, Prediction, Rle
from datasets.masks.rle import decode
from train_seg.model import ModelSpec
from train_seg.postprocess import MIN_SQUARE_PIXELS, shares_to_predictions
from train_seg.shares import sum_where
from train_seg.sizes import TypeSize

CATEGORIES = [Category(4, "chip"), Category(7, "dirt")]


def blank(height: int = 60, width: int = 80) -> np.ndarray:
    shares = np.zeros((3, height, width), np.float32)
    shares[0] = 1
    return shares


def put(shares: np.ndarray, rows: slice, columns: slice, first: float, second: float) -> None:
    shares[:, rows, columns] = np.array([1 - first - second, first, second], np.float32)[:, None, None]


def predict(
    shares: np.ndarray,
    threshold: float = 0.5,
    scale: float = 1.0,
    sizes: Sequence[TypeSize] = (),
    min_score: float = 0.0,
) -> list[Prediction]:
    spec = ModelSpec("resnet18", 4, 100, CATEGORIES, pixel_threshold=threshold, sizes=list(sizes))
    return shares_to_predictions(shares, 11, spec, scale, min_score)


def test_nothing_is_found_in_background() -> None:
    assert predict(blank()) == []


def test_a_component_becomes_a_prediction_with_its_extents_mask_and_mean() -> None:
    shares = blank()
    put(shares, slice(10, 20), slice(30, 45), 0.1, 0.7)
    (found,) = predict(shares)
    assert (found.image_id, found.category_id) == (11, 7)
    assert found.bbox == (30, 10, 15, 10)
    assert found.score == pytest.approx(0.8, abs=1e-6)
    assert isinstance(found.segmentation, Rle)
    mask = decode(found.segmentation, 60, 80)
    assert mask[10:20, 30:45].all()
    assert mask.sum() == 150


def test_pixels_vote_for_one_type() -> None:
    """The left two thirds are surely of the first type, the rest a little more of the second."""
    shares = blank()
    put(shares, slice(10, 20), slice(10, 30), 0.9, 0.05)
    put(shares, slice(10, 20), slice(30, 40), 0.4, 0.5)
    (found,) = predict(shares)
    assert found.category_id == 4
    assert found.bbox[2] == 30


def test_a_few_sure_pixels_outvote_many_torn_ones() -> None:
    shares = blank()
    put(shares, slice(10, 20), slice(10, 20), 0.05, 0.95)
    put(shares, slice(10, 20), slice(20, 32), 0.4, 0.35)
    assert predict(shares)[0].category_id == 7


@pytest.mark.parametrize(("side", "category_id"), [(20, 4), (10, 7)])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_size_decides_where_the_pixels_hardly_do(side: int, category_id: int, scale: float) -> None:
    """Both sides of a square are distinguished by 400 and 100 of the 10,000 pixels of the network's square."""
    shares = blank()
    width = round(side / scale)
    put(shares, slice(0, width), slice(0, width), 0.45, 0.5)
    sizes = [TypeSize(float(np.log(0.04)), 0.4), TypeSize(float(np.log(0.01)), 0.4)]
    assert predict(shares, scale=scale, sizes=sizes)[0].category_id == category_id
    assert predict(shares, scale=scale)[0].category_id == 7


def test_a_pixel_exactly_at_the_threshold_is_a_defect() -> None:
    shares = blank()
    put(shares, slice(0, 10), slice(0, 10), 0.25, 0.0)
    assert len(predict(shares, threshold=0.25, min_score=0.25)) == 1
    assert predict(shares, threshold=0.26, min_score=0.26) == []


def test_components_are_apart_and_the_best_comes_first() -> None:
    shares = blank()
    put(shares, slice(0, 10), slice(0, 10), 0.6, 0.0)
    put(shares, slice(30, 40), slice(50, 60), 0.0, 0.9)
    assert [p.category_id for p in predict(shares)] == [7, 4]


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.25, 2.0])
def test_speckle_below_nine_pixels_of_the_square_is_dropped(scale: float) -> None:
    side = round(3 / scale) if scale < 1 else 3
    for pixels, kept in ((side, 1), (side - 1, 0)):
        shares = blank()
        put(shares, slice(0, pixels), slice(0, pixels), 0.9, 0.0)
        assert len(predict(shares, scale=scale)) == kept, (scale, pixels)
    assert MIN_SQUARE_PIXELS == 9


def test_low_scores_can_be_left_out() -> None:
    shares = blank()
    put(shares, slice(0, 10), slice(0, 10), 0.6, 0.0)
    assert predict(shares, min_score=0.7) == []
    assert len(predict(shares, min_score=0.5)) == 1


def test_where_nothing_reaches_the_threshold_the_best_faint_place_is_given() -> None:
    shares = blank()
    put(shares, slice(0, 10), slice(0, 10), 0.3, 0.0)
    put(shares, slice(30, 40), slice(50, 60), 0.0, 0.4)
    (faint,) = predict(shares)
    assert (faint.category_id, faint.score) == (7, pytest.approx(0.4, abs=1e-6))
    put(shares, slice(20, 25), slice(5, 10), 0.5, 0.0)
    (sure,) = predict(shares)
    assert sure.category_id == 4
    assert sure.score >= 0.5


def test_what_is_fainter_than_a_quarter_of_the_threshold_is_nothing() -> None:
    shares = blank()
    put(shares, slice(0, 10), slice(0, 10), 0.12, 0.0)
    assert predict(shares) == []
    put(shares, slice(0, 10), slice(0, 10), 0.13, 0.0)
    assert len(predict(shares)) == 1


def test_a_sum_over_pixels_is_added_up_with_64_bits() -> None:
    random = np.random.default_rng(5)
    image = random.random((700, 900), np.float32)
    pixels = random.random((500, 600)) < 0.3
    window = image[20:520, 100:700]  # a view, as of a component
    assert sum_where(window, pixels) == pytest.approx(float(window[pixels].astype(np.float64).sum()), rel=1e-12)
    assert sum_where(window, np.zeros_like(pixels)) == 0
