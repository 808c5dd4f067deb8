import numpy as np
import pytest

from datasets.paste.blend import (
    Patch,
    blend,
    make_patch,
    match_colours,
    misfit,
    reach_of,
    seam_width,
    shrunk,
    shrunk_map,
)

STILL = np.array([[1.0, 0, 0], [0, 1, 0]])


def rectangle(x: int, y: int, w: int, h: int) -> np.ndarray:
    mask = np.zeros((100, 120), np.uint8)
    mask[y : y + h, x : x + w] = 255
    return mask


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 70, (100, 120, 3)).astype(np.uint8)


def test_a_defect_that_does_not_move_keeps_its_pixels_and_touches_its_seam_only() -> None:
    source, canvas, mask = noise(1), noise(2), rectangle(40, 30, 20, 10)
    source[mask > 0] = (10, 200, 30)
    patch = make_patch(source, [mask], canvas, STILL)
    assert patch is not None
    assert patch.masks[0].sum() == 200
    new = canvas.copy()
    blend(new, patch)
    assert np.abs(new[mask > 0].astype(int) - (10, 200, 30)).max() <= 1
    seam = seam_width(100, 120)
    away = np.ones((100, 120), bool)
    away[30 - seam : 40 + seam, 40 - seam : 60 + seam] = False
    assert (new[away] == canvas[away]).all()
    ring = ~away & (mask == 0)
    assert (new[ring] != canvas[ring]).any()
    assert new[ring].min() >= 50
    assert new[ring].max() <= 80


def test_half_a_pixel_to_the_right_makes_the_left_column_the_defects() -> None:
    half = np.array([[1.0, 0, 0.5], [0, 1, 0]])
    patch = make_patch(noise(1), [rectangle(40, 30, 20, 10)], noise(2), half)
    assert patch is not None
    rows, columns = patch.window
    x = np.flatnonzero(patch.masks[0].any(axis=0)) + columns.start
    y = np.flatnonzero(patch.masks[0].any(axis=1)) + rows.start
    assert (x[0], x[-1], y[0], y[-1]) == (40, 60, 30, 39)


def test_a_defect_that_leaves_the_canvas_is_not_pasted() -> None:
    away = np.array([[1.0, 0, 500], [0, 1, 0]])
    assert make_patch(noise(1), [rectangle(40, 30, 20, 10)], noise(2), away) is None
    speck = np.array([[0.1, 0, 5], [0, 0.1, 5]])
    assert make_patch(noise(1), [rectangle(43, 33, 1, 1)], noise(2), speck) is None


@pytest.mark.parametrize(("light", "shift"), [(6, 6), (-7, -7), (18, 10), (90, 0)])
def test_light_is_matched_and_structure_is_not(light, shift) -> None:
    pixels = np.full((60, 80, 3), 100, np.uint8)
    pixels[20:40, 20:60] = 30
    ring = np.zeros((60, 80), bool)
    ring[14:46, 14:66] = True
    ring[20:40, 20:60] = False
    matched = match_colours(pixels, np.full((60, 80, 3), 100 + light, np.uint8), ring)
    assert abs(matched[20:40, 20:60].mean() - 30 - shift) < 0.1


def test_the_half_of_a_ring_that_agrees_counts_half() -> None:
    pixels = np.full((60, 80, 3), 100, np.uint8)
    canvas = np.full((60, 80, 3), 108, np.uint8)
    canvas[:, 40:] = 250
    ring = np.zeros((60, 80), bool)
    ring[10:50, 10:70] = True
    ring[20:40, 20:60] = False
    assert match_colours(pixels, canvas, ring)[20:40, 20:60].mean() == pytest.approx(104, abs=0.1)


def test_the_seam_fades() -> None:
    canvas = np.zeros((1, 4, 3), np.uint8)
    alpha = np.array([[1, 0.5, 0.25, 0]], np.float32)
    mask = np.array([[True, False, False, False]])
    blend(canvas, Patch((slice(0, 1), slice(0, 4)), [mask], alpha, np.full((1, 4, 3), 200, np.uint8)))
    assert canvas[0, :, 0].tolist() == [200, 100, 50, 0]


def test_the_window_of_a_moved_mask() -> None:
    mask = rectangle(40, 30, 20, 10)
    assert reach_of(mask, STILL, 0, (100, 120)) == (slice(30, 40), slice(40, 60))
    assert reach_of(mask, STILL, 3, (100, 62)) == (slice(27, 43), slice(37, 62))
    quarter = np.array([[0.0, -1, 100], [1, 0, 0]])  # x' = 100 - y, y' = x
    assert reach_of(mask, quarter, 0, (100, 120)) == (slice(40, 60), slice(61, 71))
    at_the_border = rectangle(0, 30, 20, 10)
    moved = np.array([[1.0, 0, 50], [0, 1, 0]])
    assert reach_of(at_the_border, moved, 0, (100, 120)) == (slice(30, 40), slice(0, 70))


def test_a_good_place_fits_better_than_a_bad_one() -> None:
    striped = noise(3)
    striped[:, 60:] += 80
    mask = rectangle(50, 30, 20, 12)
    aside = np.array([[1.0, 0, 16], [0, 1, 0]])
    fits = [misfit(shrunk(striped), shrunk(mask), shrunk(striped), shrunk_map(m)) for m in (STILL, aside)]
    assert fits[0] == 0
    assert fits[1] > 20
    plain = shrunk(np.full((100, 120, 3), 60, np.uint8))
    half_lost = np.array([[1.0, 0, -60], [0, 1, 0]])
    assert misfit(plain, shrunk(mask), plain, shrunk_map(half_lost)) == pytest.approx(255 / 2, abs=26)


def test_shrunk_images_move_as_the_whole_ones() -> None:
    matrix = np.array([[0.0, -1, 100], [1, 0, 0]])
    # the centre of small pixel (2, 5) is at (9.5, 21.5), which moves to (78.5, 9.5), small pixel (19.25, 2)
    assert shrunk_map(matrix) @ [2, 5, 1] == pytest.approx([19.25, 2])
