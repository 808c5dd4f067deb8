import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.letterbox import Letterbox

PAD = (124, 116, 104)


@pytest.mark.parametrize(
    ("height", "width", "inner"),
    [
        (900, 900, (0, 0, 64, 64)),
        (100, 200, (16, 0, 32, 64)),
        (200, 100, (0, 16, 64, 32)),
        (1, 1000, (31, 0, 1, 64)),
    ],
)
def test_the_longer_side_fills_the_square(height: int, width: int, inner: tuple[int, int, int, int]) -> None:
    assert Letterbox(height, width, 64).inner == inner


def test_padding_has_the_mean_colour_and_the_image_is_in_the_middle() -> None:
    square = Letterbox(50, 100, 64).image(np.full((50, 100, 3), 7, np.uint8), PAD)
    assert (square[16:48] == 7).all()
    assert (square[:16] == PAD).all()
    assert (square[48:] == PAD).all()


def test_shrinking_averages_areas() -> None:
    stripes = np.zeros((128, 128), np.uint8)
    stripes[:, ::2] = 200
    assert (Letterbox(128, 128, 64).shrink(stripes) == 100).all()


@given(st.integers(1, 300), st.integers(1, 300))
def test_logits_come_back_at_the_size_of_the_image(height: int, width: int) -> None:
    assert Letterbox(height, width, 64).restore(torch.zeros(1, 2, 64, 64)).shape == (1, 2, height, width)


@pytest.mark.parametrize(("height", "width"), [(90, 180), (180, 90), (200, 200), (40, 30)])
def test_a_place_in_the_square_comes_back_to_where_it_was(height: int, width: int) -> None:
    """A rectangle goes in as an image and comes back as logits at the same place, within a square pixel."""
    example_image = np.zeros((height, width, 3), np.uint8)
    rows, columns = slice(height // 4, height // 2), slice(width // 2, 3 * width // 4)
    example_image[rows, columns] = 255
    box = Letterbox(height, width, 64)
    top, left, h, w = box.inner
    square = np.zeros((64, 64), np.float32)
    square[top : top + h, left : left + w] = box.image(example_image, PAD)[top : top + h, left : left + w, 0] / 255
    back = box.restore(torch.from_numpy(square)[None, None])[0, 0].numpy() > 0.5
    ys, xs = np.nonzero(back)
    tolerance = max(1, round(1 / box.scale))
    assert abs(ys.min() - rows.start) <= tolerance
    assert abs(ys.max() + 1 - rows.stop) <= tolerance
    assert abs(xs.min() - columns.start) <= tolerance
    assert abs(xs.max() + 1 - columns.stop) <= tolerance


def test_padding_never_leaks_into_the_restored_logits() -> None:
    logits = torch.full((1, 1, 64, 64), 99.0)
    box = Letterbox(50, 100, 64)
    top, left, h, w = box.inner
    logits[:, :, top : top + h, left : left + w] = 1.0
    assert (box.restore(logits) == 1).all()


@pytest.mark.parametrize(
    ("height", "width"), [(90, 180), (181, 90), (200, 200), (40, 30), (900, 900), (64, 64), (3, 70)]
)
def test_a_restored_window_is_that_part_of_the_whole(height: int, width: int) -> None:
    box, random = Letterbox(height, width, 64), np.random.default_rng(height)
    top, left, h, w = box.inner
    for _ in range(20):
        logits = torch.from_numpy(random.normal(size=(1, 3, 64, 64)).astype(np.float32))
        wanted = torch.zeros(64, 64, dtype=torch.bool)
        y, x = sorted(random.integers(0, h, 2)), sorted(random.integers(0, w, 2))
        wanted[top + y[0] : top + y[1] + 1, left + x[0] : left + x[1] + 1] = True
        restored, (row, column, *size) = box.restore_window(logits, wanted)
        window = restored(0, size[0])
        assert list(window.shape[2:]) == size
        whole = box.restore(logits)
        rows, columns = slice(row, row + window.shape[2]), slice(column, column + window.shape[3])
        assert torch.allclose(window, whole[:, :, rows, columns], atol=1e-4)
        touched = box.restore(wanted[None, None].float())[0, 0] > 1e-6
        outside = touched.clone()
        outside[rows, columns] = False
        assert touched.any()
        assert not outside.any()


def test_a_window_of_nothing_is_empty() -> None:
    wanted = torch.zeros(64, 64) > 0
    window, (_, _, *size) = Letterbox(50, 100, 64).restore_window(torch.zeros(1, 3, 64, 64), wanted)
    assert size == [0, 0]
    assert window(0, 0).shape == (1, 3, 0, 0)
