"""The rings of the synthetic bottle, painted on a strip: rows = angle, columns = radius.

On the strip every ring is a straight band. Radii are in units of the outer radius of
the glass body, angles in radians clockwise from the x axis as seen in the image
(y grows downwards).
"""

import numpy as np
import numpy.typing as npt

from datasets.synth.texture import TAU, Float, angle_from, ripple, smooth_noise, step, window

RgbImage = npt.NDArray[np.uint8]

DISC_EDGE = 0.478  # where the dark inside ends and the glass begins
RIM_EDGE = 0.825  # outer edge of the orange ring
STRIP_END = 1.12  # beyond this radius everything is background

# radius, red, green, blue: the mean colour of the glass from the centre outwards
PROFILE = np.array(
    [
        (0.000, 38, 38, 49),
        (0.465, 34, 34, 46),
        (0.485, 36, 35, 46),
        (0.505, 50, 46, 53),
        (0.522, 62, 62, 70),
        (0.535, 50, 52, 61),
        (0.560, 42, 45, 55),
        (0.590, 43, 46, 55),
        (0.615, 52, 56, 62),
        (0.635, 66, 69, 75),
        (0.665, 69, 73, 82),
        (0.690, 65, 66, 76),
        (0.735, 66, 66, 75),
        (0.755, 60, 60, 70),
        (0.820, 66, 66, 75),
        (0.850, 61, 62, 72),
        (0.871, 76, 77, 86),
        (0.888, 104, 101, 107),
        (0.901, 117, 110, 113),
        (0.916, 97, 92, 97),
        (0.932, 68, 69, 78),
        (0.952, 56, 57, 68),
        (0.970, 64, 67, 77),
        (0.988, 100, 106, 111),
        (1.005, 172, 175, 172),
        (1.021, 238, 238, 230),
        (1.038, 255, 255, 255),
        (STRIP_END, 255, 255, 255),
    ],
    np.float32,
)


def paint_strip(rho: Float, theta: Float, rng: np.random.Generator) -> RgbImage:
    """Paint the rings at radii `rho` and angles `theta`: (angles, radii, 3) RGB."""
    turn = rng.uniform(-0.45, 0.45)  # of the lamps' reflections
    strip = _paint_body(rho, theta, turn, rng)
    _paint_inside(strip, rho, theta, rng)
    _paint_wall(strip, rho, theta, turn, rng)
    _paint_lines(strip, rho, theta, turn, rng)
    _paint_rim(strip, rho, theta, turn, rng)
    _paint_highlights(strip, rho, theta, turn, rng)
    return np.clip(np.rint(strip), 0, 255).astype(np.uint8)


def _band(rho: Float, start: float, end: float) -> slice:
    low, high = np.searchsorted(rho, (start, end))
    return slice(int(low), max(int(high), int(low) + 1))


def _blend(area: Float, alpha: Float, colour: npt.ArrayLike) -> None:
    """Paint a colour over part of the strip, in place."""
    area += alpha[..., None] * (np.asarray(colour, np.float32) - area)


def _sharp(rho: Float, width: float) -> float:
    """Smallest width of a line that is visible on this strip."""
    return max(width, 0.8 * float(rho[1]))


def _paint_body(rho: Float, theta: Float, turn: float, rng: np.random.Generator) -> Float:
    """Concentric bands of the glass with a soft outer edge."""
    anchors = PROFILE[:, 0].copy()
    anchors[1:-3] += rng.uniform(-0.003, 0.003, len(anchors) - 4).astype(np.float32)
    colour = np.stack([np.interp(rho, anchors, PROFILE[:, c]) for c in (1, 2, 3)], axis=1)
    strip = np.repeat(colour.astype(np.float32)[None], len(theta), axis=0)
    body = _band(rho, 0.64, 0.985)
    gain = 1 + 0.05 * ripple(theta, rng, 6)
    below = step(np.float32(0.62) - np.abs(angle_from(theta, np.pi / 2 + 0.6 * turn)), 0.2)
    strip[:, body] *= gain[:, None, None]
    shade = _band(rho, 0.755, 0.975)
    strip[:, shade] *= (1 - np.float32(0.33) * below)[:, None, None]
    sheen = _band(rho, 0.87, 0.935)
    reddish = 0.25 * step(ripple(theta, rng, 9) - 1, 0.8)
    _blend(strip[:, sheen], np.repeat(reddish[:, None], sheen.stop - sheen.start, 1), (112, 84, 78))
    return strip


def _paint_inside(strip: Float, rho: Float, theta: Float, rng: np.random.Generator) -> None:
    """Faint glow of the bottle's bottom, sometimes with a darker navel."""
    disc = _band(rho, 0, DISC_EDGE - 0.01)
    x = np.cos(theta)[:, None] * rho[disc] - np.float32(rng.uniform(-0.1, 0.1))
    y = np.sin(theta)[:, None] * rho[disc] - np.float32(rng.uniform(-0.1, 0.1))
    far = np.hypot(x, y)
    glow = np.float32(rng.uniform(5, 16)) * window(far, rng.uniform(0.07, 0.13))
    if rng.random() < 0.25:
        glow -= np.float32(14) * window(far, 0.035)
    tint = (1, rng.uniform(0.75, 1), rng.uniform(0.5, 1))
    strip[:, disc] += glow[..., None] * np.asarray(tint, np.float32)


def _paint_wall(strip: Float, rho: Float, theta: Float, turn: float, rng: np.random.Generator) -> None:
    """Copper edge of the disc, rough dark green ring, and its greenish reflection."""
    edge = _band(rho, DISC_EDGE, 0.512)
    for at in (0.486, 0.502):
        strength = np.clip(0.4 + 0.25 * ripple(theta, rng, 12), 0, 1)
        line = window(rho[edge] - np.float32(at), _sharp(rho, 0.005))
        _blend(strip[:, edge], strength[:, None] * line, (112, 60, 48))
    rough = _band(rho, 0.538, 0.66)
    grain = max(len(theta) / TAU * 0.010, 0.7), max((rough.stop - rough.start) * 0.022, 0.5)
    noise = smooth_noise((len(theta), rough.stop - rough.start), grain, rng)
    reach = np.float32(0.632) + np.float32(0.010) * ripple(theta, rng, 8)
    inside = step(reach[:, None] - rho[rough], 0.03)
    strip[:, rough] += (inside * noise * np.float32(6.5))[..., None] * np.array((0.85, 1.0, 0.95), np.float32)
    strip[:, rough] += (inside * np.float32(5) * ripple(theta, rng, 5)[:, None])[..., None]
    green = _band(rho, 0.6, 0.69)
    lit = window(angle_from(theta, 0.9 + turn), 0.42) + 0.5 * window(angle_from(theta, 2.3 + turn), 0.3)
    arc = window(rho[green] - np.float32(0.645), 0.014)
    streaks = np.float32(0.5) + np.float32(0.12) * ripple(theta, rng, 40)
    _blend(strip[:, green], np.clip(lit * streaks, 0, 1)[:, None] * arc, (125, 148, 140))


def _paint_lines(strip: Float, rho: Float, theta: Float, turn: float, rng: np.random.Generator) -> None:
    """Thin bright and dark lines of the neck, some of them drifting outwards."""
    band = _band(rho, 0.5, RIM_EDGE)
    area, r = strip[:, band], rho[band]
    thin = _sharp(rho, 0.0035)
    always = np.ones_like(theta)
    below = window(angle_from(theta, 1.75 + turn), 0.55)
    for at, strength, colour in (
        (0.521, 0.35 * always, (125, 132, 140)),
        (0.730, 0.30 * always, (120, 118, 128)),
        (RIM_EDGE - 0.007, np.clip(0.35 + 0.2 * ripple(theta, rng, 5), 0, 1), (150, 140, 142)),
        (0.700, 0.75 * below, (24, 24, 34)),
        (0.716, 0.60 * below, (150, 152, 156)),
        (0.742, 0.80 * below, (22, 22, 32)),
    ):
        wander = np.float32(at) + np.float32(0.002) * ripple(theta, rng, 3)
        _blend(area, strength[:, None] * window(r - wander[:, None], thin), colour)
    for _ in range(int(rng.integers(1, 4))):
        length = rng.uniform(0.15, 0.5)
        along = angle_from(theta, rng.uniform(0, TAU)) / np.float32(length)
        path = np.float32(0.74) + np.float32(rng.uniform(0.02, 0.075)) * along**2
        strength = np.float32(rng.uniform(0.3, 0.6)) * step(1 - np.abs(along), 0.2)
        _blend(area, strength[:, None] * window(r - path[:, None], thin), (165, 160, 168))


def _paint_rim(strip: Float, rho: Float, theta: Float, turn: float, rng: np.random.Generator) -> None:
    """Orange ring of the rim: uneven, flecked, broken in places, golden to the right."""
    band = _band(rho, 0.74, RIM_EDGE + 0.01)
    area, r = strip[:, band], rho[band]
    middle = np.float32(0.786) + np.float32(0.006) * ripple(theta, rng, 7)
    half = np.clip(np.float32(0.022) + np.float32(0.008) * ripple(theta, rng, 9), 0.008, 0.034)
    ring = step(half[:, None] - np.abs(r - middle[:, None]), _sharp(rho, 0.012))
    fleck_size = max(len(theta) / TAU * 0.045, 1.0), max((band.stop - band.start) * 0.035, 0.6)
    fleck = smooth_noise((len(theta), band.stop - band.start), fleck_size, rng)
    strength = np.clip(np.float32(0.78) + np.float32(0.2) * ripple(theta, rng, 14), 0.15, 1)
    for _ in range(int(rng.integers(2, 5))):
        gap = angle_from(theta, rng.uniform(0, TAU))
        strength *= 1 - np.float32(0.9) * window(gap, rng.uniform(0.01, 0.035))
    ring *= strength[:, None] * np.clip(np.float32(0.8) + np.float32(0.22) * fleck, 0, 1)
    warm = np.clip(np.float32(0.5) + np.float32(0.4) * ripple(theta, rng, 5), 0, 1)[:, None, None]
    rust, orange = np.array((138, 84, 64), np.float32), np.array((208, 130, 86), np.float32)
    area += ring[..., None] * (rust + warm * (orange - rust) - area)
    gold = window(angle_from(theta, -0.35 + turn), 0.16) * np.float32(rng.uniform(0.5, 1))
    sparkle = gold[:, None] * ring * np.clip(fleck + np.float32(0.3), 0, 1) * 2
    _blend(area, np.clip(sparkle, 0, 1), (255, 205, 110))


def _paint_highlights(strip: Float, rho: Float, theta: Float, turn: float, rng: np.random.Generator) -> None:
    """Reflections of the lamp at the lower left."""
    band = _band(rho, 0.64, 0.9)
    area, r = strip[:, band], rho[band]
    at = 2.55 + turn + rng.uniform(-0.06, 0.06)
    grain = max(len(theta) / TAU * 0.012, 0.7), max((band.stop - band.start) * 0.03, 0.5)
    broken = step(smooth_noise((len(theta), band.stop - band.start), grain, rng) + 0.4, 1.2)
    for radius, width, length, strength, colour in (
        (0.745, 0.014, 0.055, rng.uniform(0.7, 1.3), (250, 255, 238)),
        (0.685, _sharp(rho, 0.005), 0.05, rng.uniform(0.3, 0.9), (222, 230, 226)),
    ):
        spot = window(r - np.float32(radius), width) * window(angle_from(theta, at), length)[:, None]
        _blend(area, np.clip(np.float32(strength * 1.4) * spot * broken, 0, 1), colour)
    halo = window(r - np.float32(0.835), 0.018) * window(angle_from(theta, at - 0.03), 0.05)[:, None]
    _blend(area, np.float32(rng.uniform(0.1, 0.4)) * halo, (190, 188, 150))
