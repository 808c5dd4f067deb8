import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_erosion, distance_transform_edt

from evaluate.boundary import boundary, boundary_counts, boundary_f, tolerance_pixels

MASKS = arrays(bool, (12, 15), elements=st.booleans())


def _square(size: int, x: int, y: int, side: int) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_the_outline_of_a_square_is_its_outermost_pixels() -> None:
    assert boundary(_square(20, 5, 5, 6)).sum() == 36 - 16
    assert boundary(np.ones((4, 5), bool)).sum() == 20 - 2 * 3  # the border of the image ends a mask


@pytest.mark.parametrize(
    ("shift", "tolerance", "near"), [(0, 1, 20), (1, 1, 20), (3, 1, 10), (8, 1, 0), (8, 8, 20)]
)
def test_a_shifted_square(shift: int, tolerance: float, near: int) -> None:
    # shifted by 3: of the two rows 4 of 6 pixels stay near, and of the left column the two that touch them
    counts = boundary_counts(_square(40, 5, 5, 6), _square(40, 5 + shift, 5, 6), tolerance)
    assert counts == (near, 20, near, 20)


def test_precision_and_recall_are_not_mixed_up() -> None:
    both = _square(40, 2, 2, 6) | _square(40, 30, 30, 6)
    measured = boundary_f(np.array(boundary_counts(both, _square(40, 2, 2, 6), 1)))
    assert (measured.precision, measured.recall, measured.f) == (1, 0.5, pytest.approx(2 / 3))


def test_nothing_painted_and_nothing_there() -> None:
    empty = np.zeros((40, 40), bool)
    missed = boundary_f(np.array(boundary_counts(_square(40, 2, 2, 6), empty)))
    assert (missed.f, missed.precision, missed.recall) == (0, None, 0)
    alarm = boundary_f(np.array(boundary_counts(empty, _square(40, 2, 2, 6))))
    assert (alarm.f, alarm.precision, alarm.recall) == (None, 0, None)
    assert boundary_counts(empty, empty) == (0, 0, 0, 0)


def test_the_tolerance_grows_with_the_image_and_is_at_least_a_pixel() -> None:
    assert tolerance_pixels(900, 900) == pytest.approx(9.546, abs=1e-3)
    assert tolerance_pixels(40, 40) == 1


@given(MASKS, MASKS, st.sampled_from([1.0, 1.5, 2.0, 3.0]))
def test_counts_are_those_of_scipy(truth: np.ndarray, painted: np.ndarray, tolerance: float) -> None:
    real, drawn = truth & ~binary_erosion(truth), painted & ~binary_erosion(painted)

    def near(these: np.ndarray, those: np.ndarray) -> int:
        return int((distance_transform_edt(~those)[these] <= tolerance).sum()) if those.any() else 0

    expected = (near(drawn, real), drawn.sum(), near(real, drawn), real.sum())
    assert boundary_counts(truth, painted, tolerance) == expected
