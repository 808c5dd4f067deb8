"""The parts that synthetic bottles are drawn with: textures, facets, layers, coordinates."""

import numpy as np
import pytest

from datasets.synth.bottle import Bottle, draw_bottle, expose
from datasets.synth.layer import Layer, Spot, one_component, put_layer
from datasets.synth.texture import angle_from, plane_waves, ripple, shatter, smooth_noise, step, window


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


@pytest.fixture(scope="module")
def bottle() -> Bottle:
    return draw_bottle(128, generator())


def test_ripple_closes_and_has_deviation_one() -> None:
    angle = np.linspace(0, 2 * np.pi, 4097, dtype=np.float32)
    for orders in (1, 5, 30):
        wave = ripple(angle, generator(orders), orders)
        assert wave[0] == pytest.approx(wave[-1], abs=1e-3)
        assert wave[:-1].std() == pytest.approx(1, abs=1e-3)


def test_smooth_noise_has_no_seam_between_last_and_first_row() -> None:
    noise = smooth_noise((400, 60), (6, 2), generator())
    assert noise.shape == (400, 60)
    assert noise.std() == pytest.approx(1, abs=1e-3)
    steps = np.abs(np.diff(noise, axis=0)).mean(axis=1)
    assert np.abs(noise[0] - noise[-1]).mean() < steps.max()


def test_smooth_noise_may_be_wider_than_its_strip() -> None:
    assert smooth_noise((8, 5), (20, 9), generator()).shape == (8, 5)


def test_plane_waves_have_about_deviation_one_and_the_wavelength() -> None:
    x, y = np.meshgrid(np.linspace(0, 4, 300, dtype=np.float32), np.linspace(0, 4, 300, dtype=np.float32))
    field = plane_waves(x, y, generator(), wavelength=0.4)
    assert field.std() == pytest.approx(1, abs=0.2)
    crossings = np.count_nonzero(np.diff(np.sign(field), axis=1)) / 300 / 4
    assert 1 / 0.8 < crossings < 2 / 0.2  # two in a wavelength of 0.2 to 0.8, fewer where waves run aslant


def test_angle_from_takes_the_short_way_round() -> None:
    angle = np.radians(np.array([350, 10, 190, 100], np.float32))
    np.testing.assert_allclose(np.degrees(angle_from(angle, np.radians(5))), [-15, 5, -175, 95], atol=1e-3)


def test_step_and_window() -> None:
    np.testing.assert_allclose(step(np.array([-1, 0, 0.1, 1], np.float32), 0.4), [0, 0.5, 0.75, 1], atol=1e-6)
    np.testing.assert_allclose(
        window(np.array([0, 2, 4], np.float32), 2), [1, np.exp(-0.5), np.exp(-2)], atol=1e-6
    )


def test_facets_are_the_cells_of_their_middles() -> None:
    x, y = (v.ravel() for v in np.meshgrid(np.arange(40, dtype=np.float32), np.arange(30, dtype=np.float32)))
    facets = shatter(x, y, generator(3), 7)
    assert set(facets.cell) == set(range(7))
    assert (facets.border >= 0).all()
    for k in range(7):
        own = facets.cell == k
        middle = own & (facets.across == 0) & (facets.down == 0)
        assert middle.sum() == 1
        # where one cell ends another begins: its border is deepest inside
        assert facets.border[middle] > np.median(facets.border[own])


def test_one_component_keeps_the_largest_and_real_holes() -> None:
    mask = np.zeros((100, 100), bool)
    mask[10:60, 10:60] = True
    mask[20:30, 20:30] = False  # a hole
    mask[40, 40] = False  # a pinhole
    mask[80:85, 80:85] = True  # a smaller component
    expected = np.zeros_like(mask)
    expected[10:60, 10:60] = True
    expected[20:30, 20:30] = False
    np.testing.assert_array_equal(one_component(mask), expected)


def test_one_component_counts_diagonal_neighbours() -> None:
    mask = np.eye(40, dtype=bool)
    np.testing.assert_array_equal(one_component(mask), mask)


def test_an_empty_mask_has_no_component() -> None:
    assert not one_component(np.zeros((20, 20), bool)).any()


def test_layer_changes_its_mask_only(bottle: Bottle) -> None:
    mask = np.zeros((128, 128), bool)
    mask[50:70, 30:80] = True
    before = bottle.rgb.copy()
    colour = np.array([10, 200, 90], np.float32)
    painted = put_layer(bottle.rgb, bottle, Layer(mask, lambda spot: np.tile(colour, (len(spot.x), 1))))
    np.testing.assert_array_equal(bottle.rgb, before)
    np.testing.assert_array_equal(painted[~mask], before[~mask])
    assert (painted[52:68, 32:78] == colour).all()  # opaque two pixels inside
    edge, under = painted[50, 30:80].astype(float), before[50, 30:80].astype(float)
    assert (np.abs(edge - colour) <= np.abs(under - colour) * 0.5 + 1).all()
    assert (edge != under).any(axis=1).all()


def test_spot_has_places_in_units_of_the_bottle(bottle: Bottle) -> None:
    seen: list[Spot] = []

    def paint(spot: Spot) -> np.ndarray:
        seen.append(spot)
        return np.zeros((len(spot.x), 3), np.float32)

    mask = np.zeros((128, 128), bool)
    mask[60:69, 100:107] = True
    put_layer(bottle.rgb, bottle, Layer(mask, paint))
    spot = seen[0]
    np.testing.assert_allclose(np.hypot(spot.x, spot.y), spot.radius, atol=1e-5)
    assert spot.x.max() - spot.x.min() == pytest.approx(6 * spot.pixel, rel=0.15)
    assert spot.y.max() - spot.y.min() == pytest.approx(8 * spot.pixel, rel=0.15)
    assert spot.depth.max() == pytest.approx(4 * spot.pixel, rel=0.1)


def test_radius_one_is_the_edge_of_the_body(bottle: Bottle) -> None:
    grey = bottle.rgb.mean(axis=2)
    assert grey[bottle.radius > 1.05].min() > 250
    assert grey[(bottle.radius > 0.95) & (bottle.radius < 0.97)].max() < 110
    assert np.pi * bottle.unit**2 == pytest.approx((bottle.radius < 1).sum(), rel=0.03)


def test_expose_is_blind_to_the_neighbours(bottle: Bottle) -> None:
    """A changed pixel must not change another: masks could not be exact otherwise."""
    changed = bottle.rgb.copy()
    changed[64, 64] = 255
    before, after = expose(bottle.rgb, generator(1)), expose(changed, generator(1))
    assert np.argwhere((before != after).any(axis=2)).tolist() == [[64, 64]]
