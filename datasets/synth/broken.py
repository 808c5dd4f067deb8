"""Broken glass of the synthetic bottle: small chips and large missing arcs at the rim."""

import numpy as np
import numpy.typing as npt

from datasets.synth.bottle import Bottle
from datasets.synth.layer import Layer, Mask, Spot, one_component
from datasets.synth.strip import DISC_EDGE, RIM_EDGE
from datasets.synth.texture import TAU, Float, angle_from, plane_waves, ripple, shatter

Heights = npt.NDArray[np.float64]

WHITE, GOLD, DULL_GOLD = (252, 250, 234), (238, 198, 132), (124, 98, 70)
TINT = np.array((0.98, 0.98, 1.07), np.float32)  # of matt broken glass


def broken_large(bottle: Bottle, rng: np.random.Generator, components: int, hole: bool) -> list[Layer]:
    """Large missing arcs through the rim and the rings inside it.

    With `hole`, an island of intact glass remains in the first one.
    """
    start = rng.uniform(0, TAU)
    layers = []
    for k in range(components):
        span = rng.uniform(75, 190) if components == 1 else rng.uniform(70, 100)
        at = start + k * (np.pi + rng.uniform(-0.3, 0.3))
        half = np.radians(span) / 2
        outer = rng.uniform(0.76, 0.93, max(6, int(span / 11)))
        if hole and k == 0:
            outer = np.maximum(outer, RIM_EDGE)
        outer[[0, -1]] = rng.uniform(0.55, 0.72, 2)
        inner = rng.uniform(DISC_EDGE - 0.012, DISC_EDGE, 6)
        mask = _arc(bottle, rng, at=at, half=half, inner=inner, outer=outer, ragged=0.07)
        if hole and k == 0:
            mask &= ~_island(bottle, at + rng.uniform(-0.2, 0.2), rng)
        layers.append(_broken_glass(one_component(mask), rng, facets=int(span / 9), glints=3))
    return layers


def broken_small(bottle: Bottle, rng: np.random.Generator, components: int, hole: bool) -> list[Layer]:
    """Small chips between the inside and the rim; too small to have a `hole`."""
    del hole
    start = rng.uniform(0, TAU)
    layers = []
    for k in range(components):
        half = np.radians(rng.uniform(30, 58) if components == 1 else rng.uniform(22, 36)) / 2
        at = start + k * (np.pi + rng.uniform(-1.2, 1.2))
        if rng.random() < 0.6:  # breaks towards the inside
            inner = rng.uniform(DISC_EDGE - 0.01, DISC_EDGE + 0.03, 5)
            outer = rng.uniform(0.69, 0.8, 6)
        else:  # breaks through the rim
            inner = rng.uniform(0.56, 0.63, 5)
            outer = rng.uniform(RIM_EDGE - 0.04, RIM_EDGE + 0.05, 6)
        outer[[0, -1]] = inner.max() + rng.uniform(0.01, 0.08, 2)
        mask = _arc(bottle, rng, at=at, half=half, inner=inner, outer=outer, ragged=0.05)
        layers.append(_broken_glass(one_component(mask), rng, facets=7, glints=2))
    return layers


def _arc(
    bottle: Bottle,
    rng: np.random.Generator,
    *,
    at: float,
    half: float,
    inner: Heights,
    outer: Heights,
    ragged: float,
) -> Mask:
    """Piece of a ring around angle `at`, with straight-edged jags on all sides.

    `half`: half of its angle in radians. `inner`, `outer`: its radii, at places spread
    over that angle. `ragged`: size in radians of the jags at its two ends.
    """
    offset = angle_from(bottle.angle, at)
    mask = np.abs(offset) < half + ragged
    mask &= (bottle.radius > inner.min()) & (bottle.radius < outer.max())
    radius, offset = bottle.radius[mask], offset[mask]
    heights = np.linspace(inner.min(), outer.max(), 6)
    first = np.interp(radius, heights, rng.uniform(-ragged, ragged, 6)) - half
    last = np.interp(radius, heights, rng.uniform(-ragged, ragged, 6)) + half
    mask[mask] = (
        (offset > first)
        & (offset < last)
        & (radius > np.interp(offset, np.linspace(-half, half, len(inner)), inner))
        & (radius < np.interp(offset, _uneven(half, len(outer), rng), outer))
    )
    return mask


def _uneven(half: float, count: int, rng: np.random.Generator) -> Heights:
    """Places from -half to half; the inner ones are moved randomly by up to nearly half a step."""
    places = np.linspace(-1, 1, count)
    places[1:-1] += rng.uniform(-0.45, 0.45, count - 2) * (places[1] - places[0])
    return places * half


def _island(bottle: Bottle, at: float, rng: np.random.Generator) -> Mask:
    """Five-cornered piece of the wall, about 0.14 of the body's radius across."""
    x = bottle.radius * np.cos(bottle.angle) - np.float32(0.65 * np.cos(at))
    y = bottle.radius * np.sin(bottle.angle) - np.float32(0.65 * np.sin(at))
    turn, reach = rng.uniform(0, TAU), rng.uniform(0.085, 0.11)
    inside = np.ones(x.shape, np.bool_)
    for k in range(5):
        side = turn + k * TAU / 5
        inside &= x * np.float32(np.cos(side)) + y * np.float32(np.sin(side)) < np.float32(
            reach * rng.uniform(0.8, 1.0)
        )
    return inside


def _broken_glass(mask: Mask, rng: np.random.Generator, facets: int, glints: int) -> Layer:
    paint_rng = rng.spawn(1)[0]
    return Layer(mask, lambda spot: _paint_glass(spot, paint_rng, facets, glints))


def _paint_glass(spot: Spot, rng: np.random.Generator, count: int, glints: int) -> Float:
    """Matt facets, dark and light, with bright edges and clusters of glints."""
    facets = shatter(spot.x, spot.y, rng, count)
    light = np.arange(count) % 5 < 2
    grey = np.where(light, rng.uniform(76, 120, count), rng.uniform(30, 52, count))
    slope = rng.uniform(-260, 260, (2, count)) * np.where(light, 1.0, 0.3)
    fine = plane_waves(spot.x, spot.y, rng, 0.03) + plane_waves(spot.x, spot.y, rng, 0.09)
    shade = (
        grey[facets.cell]
        + slope[0, facets.cell] * facets.across
        + slope[1, facets.cell] * facets.down
        + rng.uniform(0, 4, count)[facets.cell] * fine
        + 2 * rng.standard_normal(len(spot.x))
    )
    colour: Float = np.clip(shade, 20, 190).astype(np.float32)[:, None] * TINT
    line = max(0.005, 0.5 * spot.pixel)
    crack = np.clip(2 - facets.border / line, 0, 1) * rng.uniform(-0.3, 0.6, count)[facets.cell]
    _blend(colour, np.clip(crack, 0, 1), (168, 168, 174))
    edge = np.clip(2 - spot.depth / max(0.009, 1.2 * spot.pixel), 0, 1)
    _blend(colour, edge * np.clip(0.35 + 0.5 * ripple(spot.angle, rng, 16), 0, 0.9), (178, 176, 174))
    for k in range(glints):
        centre = int(rng.integers(len(spot.x)))
        far = np.hypot(spot.x - spot.x[centre], spot.y - spot.y[centre]) / rng.uniform(0.045, 0.08)
        clumps = 3.4 - 2.4 * far + 0.45 * fine + 0.3 * plane_waves(spot.x, spot.y, rng, 0.02)
        _blend(colour, np.clip(0.8 * clumps, 0, 0.6), DULL_GOLD)
        _blend(colour, np.clip(1.6 * clumps - 1.8, 0, 1), WHITE if k % 2 == 0 else GOLD)
    return colour


def _blend(colour: Float, alpha: Float, other: tuple[int, int, int]) -> None:
    colour += alpha[:, None].astype(np.float32) * (np.array(other, np.float32) - colour)
