"""Draw an intact bottle mouth, seen from above against a bright background.

The rings are painted on a strip (datasets.synth.strip), which is then wrapped around the
centre of the bottle.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from datasets.synth.strip import STRIP_END, RgbImage, paint_strip
from datasets.synth.texture import TAU, Float

BODY_RADIUS = 0.444  # fraction of the image's side, as on the MVTec AD bottle

STRIP_SIDE_LIMIT = 2048  # pixels; a finer strip costs memory without a visible difference
ROWS_AT_ONCE = 64  # limits the memory for large images


@dataclass(frozen=True)
class Bottle:
    """An image of a bottle mouth, and the coordinates of every pixel relative to the bottle.

    `rgb`: (H, W, 3) RGB, before lighting and sensor noise. `radius`, `angle`:
    (H, W), radius 1 at the outer edge of the body, angle in [0, 2 pi). `unit`: pixels
    per unit of radius.
    """

    rgb: RgbImage
    radius: Float
    angle: Float
    unit: float


def draw_bottle(size: int, rng: np.random.Generator) -> Bottle:
    """Draw an intact bottle mouth, `size` x `size` pixels, slightly off centre."""
    unit = size * BODY_RADIUS * rng.uniform(0.98, 1.01)
    radius, angle = _bottle_coordinates(size, unit, rng)
    side = min(size, STRIP_SIDE_LIMIT)
    rho = np.linspace(0, STRIP_END, max(int(side * 0.75), 64), dtype=np.float32)
    theta = np.linspace(0, TAU, max(side * 2, 192), endpoint=False, dtype=np.float32)
    strip = paint_strip(rho, theta, rng)
    strip = np.concatenate([strip, strip[:1]])
    columns = radius * np.float32((len(rho) - 1) / STRIP_END)
    rows = angle * np.float32(len(theta) / TAU)
    rgb = cv2.remap(strip, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return Bottle(np.asarray(rgb, np.uint8), radius, angle, unit)


def expose(rgb: RgbImage, rng: np.random.Generator) -> RgbImage:
    """Light the scene unevenly and add independent sensor noise to every pixel.

    Saturated white has no noise, as on a real sensor.
    """
    height, width = rgb.shape[:2]
    corners = rng.uniform(-0.035, 0.035, (2, 2)) + rng.uniform(0.93, 1.09)
    light = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    tint = np.float32(1) + rng.uniform(-0.02, 0.02, 3).astype(np.float32)
    sigma = np.float32(2.2) * np.clip((252 - np.arange(256, dtype=np.float32)) / 12, 0, 1)
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)
    exposed = np.empty_like(rgb)
    for top in range(0, height, ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        scene = rgb[rows]
        lit = rng.standard_normal(scene.shape, np.float32) * sigma[scene]
        lit += scene * light[rows, :, None] * tint
        lit[scene >= 250] = 255  # overexposed: white in any light
        lit *= 1 - np.float32(0.012) * np.add.outer(y[rows] ** 2, x**2)[..., None]
        exposed[rows] = np.clip(np.rint(lit, out=lit), 0, 255, out=lit)
    return exposed


def _bottle_coordinates(size: int, unit: float, rng: np.random.Generator) -> tuple[Float, Float]:
    """Radius and angle of every pixel; the inner rings are a little off centre."""
    centre = size / 2 + rng.uniform(-0.02, 0.02, 2) * size
    lean = rng.uniform(0, 0.024), rng.uniform(0, TAU)
    squeeze = np.float32(1 + rng.uniform(-0.008, 0.008))
    axis = np.arange(size, dtype=np.float32) + np.float32(0.5)
    x = (axis - np.float32(centre[0])) / np.float32(unit)
    y = (axis - np.float32(centre[1])) / np.float32(unit) * squeeze
    x, y = np.meshgrid(x, y)
    inner = np.clip((1 - np.hypot(x, y)) / np.float32(0.3), 0, 1)
    x -= inner * np.float32(lean[0] * np.cos(lean[1]))
    y -= inner * np.float32(lean[0] * np.sin(lean[1]))
    radius, angle = cv2.cartToPolar(x, y)
    return np.asarray(radius, np.float32), np.asarray(angle, np.float32)
