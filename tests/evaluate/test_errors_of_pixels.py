from typing import Any

import numpy as np
import pytest

from evaluate.errors_of_pixels import PIXEL_ERRORS, WrongPixels, wrong_pixels
from evaluate.measure import measure_run
from evaluate.tables import metrics_markdown

NOTHING = np.zeros((40, 40), bool)


def index_map(*squares: tuple[int, int, int, int, int]) -> Any:
    """40 x 40 index map of (x, y, w, h, index)."""
    canvas = np.zeros((40, 40), np.uint8)
    for x, y, w, h, index in squares:
        canvas[y : y + h, x : x + w] = index
    return canvas


def test_each_kind() -> None:
    real = index_map((0, 0, 10, 10, 1), (0, 30, 4, 4, 2))
    painted = index_map((0, 0, 10, 8, 1), (0, 8, 10, 1, 2), (30, 30, 5, 5, 1))
    # row 9 is missed next to the outline, row 8 is of another type; the small square is missed, the other invented
    assert wrong_pixels(real, painted, NOTHING) == WrongPixels(
        boundary=10, wrong_type=10, missed_whole=16, invented_whole=25
    )


def test_three_pixels_from_the_outline_is_near_and_four_is_not() -> None:
    real = index_map((10, 0, 10, 40, 1))
    wider = index_map((10, 0, 17, 40, 1))  # columns 20 to 26 are 1 to 7 pixels outside
    found = wrong_pixels(real, wider, NOTHING)
    assert (found.boundary, found.beyond_boundary) == (3 * 40, 4 * 40)
    narrow = index_map((15, 0, 5, 40, 1))  # columns 10 to 14 are missed, 1 to 5 pixels from the background
    found = wrong_pixels(real, narrow, NOTHING)
    assert (found.boundary, found.beyond_boundary) == (3 * 40, 2 * 40)
    assert found.missed_whole == 0


def test_a_defect_that_covers_the_image_has_no_outline() -> None:
    everything = index_map((0, 0, 40, 40, 1))
    assert wrong_pixels(everything, index_map((0, 0, 10, 10, 1)), NOTHING).beyond_boundary == 1500
    assert wrong_pixels(index_map(), everything, NOTHING) == WrongPixels(invented_whole=1600)


def test_ignored_pixels_are_left_out_and_equal_maps_have_no_error() -> None:
    real, painted = index_map((0, 0, 10, 10, 1)), index_map((0, 0, 10, 10, 1), (20, 20, 5, 5, 2))
    ignored = index_map((20, 20, 5, 3, 1)) > 0
    assert wrong_pixels(real, painted, ignored) == WrongPixels(invented_whole=10)
    assert wrong_pixels(real, real, NOTHING).total == 0


@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_pixel_is_of_one_kind(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = [
        index_map(
            *(tuple(int(v) for v in (*rng.integers(0, 35, 2), *rng.integers(1, 15, 2), k)) for k in (1, 2, 1))
        )  # type: ignore[misc]
        for _ in range(2)
    ]
    assert wrong_pixels(maps[0], maps[1], NOTHING).total == (maps[0] != maps[1]).sum() > 0


def test_a_run_reports_kinds_and_images(bench: Any, tmp_path: Any) -> None:
    truth = bench.truth([(1, (0, 0, 10, 10))], [(2, (0, 0, 10, 10))], [])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    predictions = [bench.prediction(1, 1, (0, 0, 10, 9), 0.9), bench.prediction(3, 1, (0, 0, 15, 6), 0.9)]
    metrics = measure_run(bench.run(tmp_path, "seg", dataset, {"test": predictions}), dataset)
    errors = metrics[PIXEL_ERRORS]
    assert errors.wrong == WrongPixels(boundary=10, missed_whole=100, invented_whole=90)
    assert errors.shares["missed_whole"] == pytest.approx(0.5)
    assert list(errors.images) == ["002.png", "003.png", "001.png"]  # 100, 90 and 10 pixels
    assert PIXEL_ERRORS.fold_numbers(errors)["wrong pixels, within 3 px of the outline"] == pytest.approx(0.05)
    page = metrics_markdown(metrics)
    assert "| defects missed whole | 100 | 50.0% |" in page
    assert "| 003.png | 90 | 45.0% | defects invented whole |" in page
    perfect = measure_run(bench.run(tmp_path, "seg", dataset, {"test": bench.perfect(truth)}), dataset)
    assert perfect[PIXEL_ERRORS].images == {}
    assert perfect[PIXEL_ERRORS].shares["boundary"] is None
    detector = measure_run(bench.run(tmp_path, "det", dataset, {"test": []}), dataset)
    assert detector.get(PIXEL_ERRORS) is None
