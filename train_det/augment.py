"""All augmentation of the detector, with the reasons; nothing else changes a training image.

The part is centred and looks the same from every side, so a defect can have any angle. A small training set lacks
most of these angles; flips and rotations add them. The part never appears four times in an image or half outside
the frame, so there is no mosaic, and scale and shift are small, as with a fixed camera. There is one lamp and one
camera, so brightness varies a little and hue hardly at all. One affine map does all geometry, so pixels are
interpolated only once. Boxes are recomputed from the pixels of the defect, because a rotated box would be up to 41
% too large.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from train_det.options import DetectorAugmentation

Matrix = NDArray[np.float64]
MIN_VISIBLE_SHARE = 0.25
MIN_SIDE = 2.0  # pixels of the square


def draw_map(augmentation: DetectorAugmentation, side: int, random: np.random.Generator) -> Matrix:
    """A random 3 x 3 map of a square of `side` pixels onto itself: rotation, mirroring, scale and shift."""
    angle = {
        "any": random.uniform(0, 2 * np.pi),
        "right": np.pi / 2 * random.integers(4),
        "none": 0.0,
    }[augmentation.rotation]
    zoom = 1 + augmentation.scale * random.uniform(-1, 1)
    mirror = -1.0 if augmentation.flip and random.random() < 0.5 else 1.0
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    shift = augmentation.shift * side * random.uniform(-1, 1, 2)
    middle = side / 2
    to_middle = np.array([[1, 0, -middle], [0, 1, -middle], [0, 0, 1]], np.float64)
    turn = np.array([[cos * mirror, -sin, middle + shift[0]], [sin * mirror, cos, middle + shift[1]], [0, 0, 1]])
    return np.asarray(turn @ to_middle)


def warp_image(image: NDArray[np.uint8], matrix: Matrix, side: int) -> NDArray[np.uint8]:
    """Map an H x W x 3 image, or H x W x 4, into a square of `side` pixels by `matrix`.

    The rest gets the colour of its border, and 0 in the fourth channel.
    """
    fill = (*frame_colour(image), 0)[: image.shape[2]]
    to_square, size = centred(matrix)[:2], (side, side)
    drawn: NDArray[np.uint8] = cv2.warpAffine(
        image, to_square, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
    )
    return drawn


def frame_colour(image: NDArray[np.uint8]) -> tuple[int, int, int]:
    """Median colour of the outermost pixels, an estimate of the background outside the image."""
    frame = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    red, green, blue = np.median(frame[:, :3], axis=0)
    return int(red), int(green), int(blue)


def warp_box(points: NDArray[np.float32], matrix: Matrix, side: int) -> tuple[float, float, float, float] | None:
    """Tight box (x0, y0, x1, y1) of edge points (N x 2, image pixels) mapped by `matrix` into a square.

    None if less than a quarter of the box, or less than two pixels, stays in the square.
    """
    moved = points @ matrix[:2, :2].T + matrix[:2, 2]
    inside = moved[((moved >= 0) & (moved <= side)).all(axis=1)]
    if not len(inside):
        return None
    x0, y0 = inside.min(axis=0)
    x1, y1 = inside.max(axis=0)
    whole = np.prod(np.ptp(moved, axis=0))
    if min(x1 - x0, y1 - y0) < MIN_SIDE or (x1 - x0) * (y1 - y0) < MIN_VISIBLE_SHARE * whole:
        return None
    return float(x0), float(y0), float(x1), float(y1)


def jitter_colours(
    image: NDArray[np.uint8], augmentation: DetectorAugmentation, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Vary brightness, contrast, saturation and hue of an H x W x 3 RGB image."""
    gain, contrast, saturation, hue = random.uniform(-1, 1, 4)
    if augmentation.hue or augmentation.saturation:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
        levels = np.arange(256)
        turned = ((levels + hue * augmentation.hue * 180) % 180).astype(np.uint8)
        richer = np.clip(levels * (1 + saturation * augmentation.saturation), 0, 255).astype(np.uint8)
        hsv[..., 0] = cv2.LUT(hsv[..., 0], turned)
        hsv[..., 1] = cv2.LUT(hsv[..., 1], richer)
        image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    slope = (1 + gain * augmentation.brightness) * (1 + contrast * augmentation.contrast)
    offset = -image.mean() * (1 + gain * augmentation.brightness) * contrast * augmentation.contrast
    lit: NDArray[np.uint8] = cv2.LUT(image, np.clip(np.arange(256) * slope + offset, 0, 255).astype(np.uint8))
    return lit


def centred(matrix: Matrix) -> Matrix:
    """`matrix`, which maps places in pixels, for OpenCV, which numbers pixels by their middle."""
    return np.asarray(_shift(-0.5) @ matrix @ _shift(0.5))


def _shift(by: float) -> Matrix:
    return np.array([[1, 0, by], [0, 1, by], [0, 0, 1]], np.float64)
