"""Defects made on good images: regions of Perlin noise filled with another texture.

Source: Zavrtanik et al., DRAEM: A Discriminatively Trained Reconstruction Embedding for Surface Anomaly Detection,
ICCV 2021. The textures are not from a dataset, but other good images, rotated and recoloured, and noise.
"""

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_PIXELS, MAX_SHARE = 20, 0.3  # of a made defect
CELLS = (2, 4, 8, 16)  # of noise along the shorter side, from large to small defects
OPACITY = (0.2, 1.0)
TRIES = 20


def perlin_noise(rows: int, columns: int, cells: int, random: np.random.Generator) -> "NDArray[np.float64]":
    """Gradient noise, rows x columns, about -1 to 1, with `cells` cells along the shorter side (Perlin 1985)."""
    step = min(rows, columns) / cells
    y, x = np.arange(rows)[:, None] / step, np.arange(columns)[None] / step
    angles = random.uniform(0, 2 * np.pi, (int(y.max()) + 2, int(x.max()) + 2))
    row, column = y.astype(int), x.astype(int)
    dy, dx = y - row, x - column

    def towards(down: int, right: int) -> "NDArray[np.float64]":
        angle = angles[row + down, column + right]
        return np.asarray(np.cos(angle) * (dx - right) + np.sin(angle) * (dy - down))

    across, along = (t**3 * (t * (6 * t - 15) + 10) for t in (dx, dy))
    top = towards(0, 0) * (1 - across) + towards(0, 1) * across
    bottom = towards(1, 0) * (1 - across) + towards(1, 1) * across
    return np.asarray((top * (1 - along) + bottom * along) * 2**0.5)


def draw_region(rows: int, columns: int, random: np.random.Generator) -> "NDArray[np.bool_]":
    """The shape of a made defect, rows x columns, of at least 20 pixels: the peaks of noise within one square."""
    for _ in range(TRIES):
        noise = perlin_noise(rows, columns, int(random.choice(CELLS)), random)
        region = np.asarray(noise > random.uniform(0.2, 0.6))
        side = int(min(rows, columns) * random.uniform(0.1, 0.6))
        top, left = int(random.integers(rows - side)), int(random.integers(columns - side))
        window = np.zeros_like(region)
        window[top : top + side, left : left + side] = True
        region &= window
        if MIN_PIXELS <= region.sum() <= MAX_SHARE * region.size:
            return region
    region = np.zeros((rows, columns), bool)
    region[rows // 2 - 4 : rows // 2 + 4, columns // 2 - 4 : columns // 2 + 4] = True
    return region


def make_defect(
    good: "NDArray[np.uint8]", other: "NDArray[np.uint8]", random: np.random.Generator
) -> "tuple[NDArray[np.uint8], NDArray[np.bool_]]":
    """A good image, rows x columns x 3, with a made defect, and its pixels; `other` is another good image."""
    rows, columns = good.shape[:2]
    region = draw_region(rows, columns, random)
    if random.random() < 0.5:
        turned = np.rot90(other, int(random.integers(4)))
        texture = cv2.resize(np.ascontiguousarray(turned), (columns, rows)).astype(float)
        texture = texture * random.uniform(0.5, 1.5) + random.uniform(-60, 60, 3)
    else:
        noise = perlin_noise(rows, columns, int(random.choice((8, 16, 32))), random)[:, :, None]
        texture = random.uniform(0, 255, 3) + noise * random.uniform(0, 100, 3)
    opacity = random.uniform(*OPACITY) * cv2.GaussianBlur(region.astype(np.float32), (0, 0), 0.7)[:, :, None]
    mixed = good * (1 - opacity) + texture * opacity
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8), region
