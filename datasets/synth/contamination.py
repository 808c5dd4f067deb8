"""Contamination of the synthetic bottle: films, flakes, fibres, loops and droplets."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from datasets.synth.bottle import Bottle
from datasets.synth.layer import Layer, Mask, Spot, one_component
from datasets.synth.strip import DISC_EDGE
from datasets.synth.texture import TAU, Float, plane_waves, ripple, shatter

Colour = tuple[int, int, int]
Points = npt.NDArray[np.float64]

FILMS: tuple[Colour, ...] = (
    (126, 94, 68),
    (152, 120, 88),
    (118, 72, 52),
    (104, 104, 108),
    (88, 94, 102),
)
FLAKES: tuple[Colour, ...] = ((176, 160, 138), (120, 120, 124), (158, 122, 84), (140, 150, 142))
# colours of the two strands of a fibre
FIBRES: tuple[tuple[Colour, Colour], ...] = (
    ((212, 92, 56), (70, 36, 32)),
    ((226, 222, 212), (176, 170, 160)),
    ((132, 132, 136), (92, 92, 96)),
    ((206, 178, 116), (146, 118, 74)),
)
THINNEST = 1.3  # pixels: half the width of a fibre


def contamination(bottle: Bottle, rng: np.random.Generator, components: int, hole: bool) -> list[Layer]:
    """Something in the bottle or across its rings; a second component is a droplet."""
    if hole:
        first = _loop(bottle, rng)
    else:
        kinds: tuple[Callable[[Bottle, np.random.Generator], Layer], ...] = (
            _film,
            _flake,
            _fibre,
            _droplet,
        )
        first = kinds[int(rng.choice(4, p=(0.4, 0.26, 0.24, 0.1)))](bottle, rng)
    if components == 1:
        return [first]
    return [first, _droplet_at(bottle, rng, *_far_place(bottle, first.mask))]


def _film(bottle: Bottle, rng: np.random.Generator) -> Layer:
    """Film over the inside, whole or torn along a zigzag line."""
    mask = bottle.radius < rng.uniform(DISC_EDGE - 0.03, DISC_EDGE + 0.012)
    if rng.random() < 0.5:
        heading = rng.uniform(0, TAU)
        along = bottle.radius * np.cos(bottle.angle - np.float32(heading))
        across = bottle.radius * np.sin(bottle.angle - np.float32(heading))
        places = np.sort(rng.uniform(-DISC_EDGE, DISC_EDGE, 9))
        mask &= along < rng.uniform(0, 0.25) + np.interp(across, places, rng.uniform(-0.13, 0.13, 9))
    base, paint_rng = FILMS[int(rng.integers(len(FILMS)))], rng.spawn(1)[0]

    def paint(spot: Spot) -> Float:
        shade = 1 + 0.12 * plane_waves(spot.x, spot.y, paint_rng, 0.5)
        crease = np.clip(1 - np.abs(plane_waves(spot.x, spot.y, paint_rng, 0.45)) / 0.12, 0, 1)
        fold = np.clip(plane_waves(spot.x, spot.y, paint_rng, 0.6), 0, 1)
        edge = np.clip(2 - spot.depth / max(0.008, spot.pixel), 0, 1)
        return _tinted(base, shade + 0.35 * crease * fold + 0.3 * edge)

    return Layer(one_component(mask), paint)


def _flake(bottle: Bottle, rng: np.random.Generator) -> Layer:
    """Crumpled, torn-off piece with straight edges, inside or over the inner rings."""
    reach, corners = rng.uniform(0.24, 0.44), int(rng.integers(6, 11))
    at, away = rng.uniform(0, TAU), rng.uniform(0, 0.34)
    around = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * TAU / corners
    length = reach * rng.uniform(0.55, 1.15, corners)
    outline = np.stack([length * np.cos(around), length * np.sin(around)], axis=1)
    outline[:, 0] *= rng.uniform(0.65, 1)
    outline += away * np.array([np.cos(at), np.sin(at)])
    base, paint_rng = FLAKES[int(rng.integers(len(FLAKES)))], rng.spawn(1)[0]

    def paint(spot: Spot) -> Float:
        facets = shatter(spot.x, spot.y, paint_rng, 6)
        shade = paint_rng.uniform(0.72, 1.08, 6)[facets.cell]
        shade += paint_rng.uniform(-0.8, 0.8, 6)[facets.cell] * facets.across
        shade += 0.07 * plane_waves(spot.x, spot.y, paint_rng, 0.14)
        shade += 0.04 * plane_waves(spot.x, spot.y, paint_rng, 0.03)
        shade += 0.1 * np.clip(1.5 - facets.border / max(0.007, 0.7 * spot.pixel), 0, 1)
        shade += 0.35 * np.clip(1.5 - spot.depth / max(0.012, spot.pixel), 0, 1)
        return _tinted(base, shade)

    return Layer(one_component(_polygon(bottle, outline)), paint)


def _fibre(bottle: Bottle, rng: np.random.Generator) -> Layer:
    """Twisted thread, stick or strip from the inside out across the rings."""
    strands = FIBRES[int(rng.integers(len(FIBRES)))]
    at = rng.uniform(0, TAU)
    # a pale fibre would be invisible on the background
    reach = rng.uniform(0.7, 0.88) if strands[0][0] > 190 else rng.uniform(0.75, 1.05)
    start, end = rng.uniform(-0.25, 0.2), reach
    along = np.linspace(start, end, 4)
    aside = np.array([0, *rng.uniform(-0.16, 0.16, 2), 0]) + rng.uniform(-0.12, 0.12)
    path = _bezier(np.stack([along, aside], axis=1))
    turn = np.array([[np.cos(at), np.sin(at)], [-np.sin(at), np.cos(at)]])
    return _thread(bottle, path @ turn, rng.uniform(0.028, 0.05), strands, rng)


def _loop(bottle: Bottle, rng: np.random.Generator) -> Layer:
    """A fibre inside the bottle that forms a closed ring: its mask has a hole."""
    around = np.linspace(0, TAU, 240, dtype=np.float32)
    length = np.float32(rng.uniform(0.22, 0.34)) * (1 + np.float32(0.1) * ripple(around, rng, 4))
    path = np.stack([length * np.cos(around), length * np.sin(around)], axis=1)
    path += rng.uniform(-0.08, 0.08, 2)
    strands = FIBRES[int(rng.integers(len(FIBRES)))]
    return _thread(bottle, path.astype(np.float64), rng.uniform(0.028, 0.042), strands, rng)


def _droplet(bottle: Bottle, rng: np.random.Generator) -> Layer:
    at, away = rng.uniform(0, TAU), rng.uniform(0.2, 0.62)
    return _droplet_at(bottle, rng, away * np.cos(at), away * np.sin(at))


def _droplet_at(bottle: Bottle, rng: np.random.Generator, x: float, y: float) -> Layer:
    """Round glassy drop with a glint."""
    around = np.linspace(0, TAU, 48, endpoint=False, dtype=np.float32)
    length = np.float32(rng.uniform(0.09, 0.14)) * (1 + np.float32(0.07) * ripple(around, rng, 3))
    outline = np.stack([x + length * np.cos(around), y + length * np.sin(around)], axis=1)
    light = rng.uniform(0, TAU)

    def paint(spot: Spot) -> Float:
        across = (spot.x - x) * np.cos(light) + (spot.y - y) * np.sin(light)
        edge = np.clip(1.5 - spot.depth / max(0.012, spot.pixel), 0, 1)
        shade = 0.95 + 1.2 * across + edge * np.where(across > 0.04, 0.8, -0.5)
        glint = np.hypot(spot.x - x + 0.05 * np.cos(light), spot.y - y + 0.05 * np.sin(light))
        return _tinted((118, 130, 136), shade + 0.9 * np.clip(2 - glint / 0.014, 0, 1))

    return Layer(one_component(_polygon(bottle, outline.astype(np.float64))), paint)


def _far_place(bottle: Bottle, mask: Mask) -> tuple[float, float]:
    """The one of several places around the wall that is farthest from a mask."""
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    at = np.arange(24) * TAU / 24
    x, y = 0.67 * np.cos(at), 0.67 * np.sin(at)
    columns, rows = np.rint(_to_pixels(bottle, np.stack([x, y], axis=1))).astype(int).T
    best = int(np.argmax(away[rows, columns]))
    return float(x[best]), float(y[best])


def _thread(
    bottle: Bottle,
    path: Points,
    half_width: float,
    strands: tuple[Colour, Colour],
    rng: np.random.Generator,
) -> Layer:
    """Fibre of two twisted strands along a path (coordinates relative to the bottle)."""
    half_width = max(half_width, THINNEST / bottle.unit)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    thickness = half_width * (1 + 0.12 * plane_waves(length, length, rng, 0.3))
    twist, lean = rng.uniform(0.12, 0.22), rng.uniform(0.5, 1.5)
    tree = cKDTree(path)
    near = np.zeros(bottle.radius.shape, np.uint8)
    line = np.rint(_to_pixels(bottle, path)).astype(np.int32)
    width = int(3 * half_width * bottle.unit) + 4
    cv2.polylines(near, [line], isClosed=False, color=1, thickness=width)
    mask = near > 0
    radius, angle = bottle.radius[mask], bottle.angle[mask]
    distance, nearest = tree.query(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1))
    mask[mask] = distance < np.maximum(thickness, THINNEST / bottle.unit)[nearest]

    def paint(spot: Spot) -> Float:
        distance, nearest = tree.query(np.stack([spot.x, spot.y], axis=1))
        phase = TAU * length[nearest] / twist + lean * TAU * distance / half_width / 4
        blend = 0.5 + 0.5 * np.sin(phase)
        round_shade = 1.08 - 0.35 * (distance / half_width) ** 2
        first, second = (_tinted(strand, round_shade) for strand in strands)
        colour: Float = second + blend[:, None].astype(np.float32) * (first - second)
        return colour

    return Layer(one_component(mask), paint)


def _bezier(control: Points) -> Points:
    t = np.linspace(0, 1, 200)[:, None]
    a, b, c, d = control
    path: Points = a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3
    return path


def _polygon(bottle: Bottle, outline: Points) -> Mask:
    mask = np.zeros(bottle.radius.shape, np.uint8)
    shift = 4  # fractional bits
    corners = np.rint(_to_pixels(bottle, outline) * 2**shift).astype(np.int32)
    cv2.fillPoly(mask, [corners], color=1, shift=shift)
    return mask > 0


def _to_pixels(bottle: Bottle, points: Points) -> Points:
    """Pixel coordinates (x, y) of points near the middle of the bottle, given relative to the bottle."""
    row, column = np.unravel_index(int(np.argmin(bottle.radius)), bottle.radius.shape)
    pixels: Points = points * bottle.unit + np.array([column, row], np.float64)
    return pixels


def _tinted(colour: Colour, shade: npt.NDArray[np.floating]) -> Float:
    return shade.astype(np.float32)[:, None] * np.array(colour, np.float32)
