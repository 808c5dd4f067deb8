"""Detect the part in an image, and draw random places on it for pasted defects."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.coco import Box

Place = Literal["orbit", "anywhere", "same"]
Matrix = NDArray[np.float64]

DETECTION_SIDE = 256  # pixels of the longer side at which the part is detected
BACKGROUND_TOLERANCE = 30  # grey levels: largest difference of background from the median colour of the border
CIRCLE_TOLERANCE = 0.03  # fraction of the radius: largest distance of a point of a round outline from its circle


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame by which images are aligned: centre and radius in pixels; pixel centres are whole numbers."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class DetectedPart:
    """The part that was detected in an image.

    `silhouette`: whether a part is in front of a uniform background. `circle`: the circle of a round part.
    `image_frame`: the middle of the image and half of its shorter side.
    """

    silhouette: bool
    circle: Frame | None
    image_frame: Frame

    @property
    def is_square(self) -> bool:
        """Whether width and height of the image are equal."""
        return self.image_frame.x == self.image_frame.y

    def frame(self, place: Place) -> Frame:
        """The circle of a round part for `orbit`, else the frame of the image."""
        return self.circle if place == "orbit" and self.circle else self.image_frame


@dataclass(frozen=True, slots=True)
class Move:
    """The move of an instance from its image to another: rotation in degrees, mirroring, scale and shift.

    In the frame of the source: mirror left to right, rotate clockwise about the centre, scale. Then align the
    centres of both frames and shift by (dx, dy) pixels of the canvas.
    """

    turn: float
    mirror: bool
    scale: float
    dx: float
    dy: float

    def matrix(self, source: Frame, target: Frame) -> Matrix:
        """2 x 3 affine map from pixels of the source to pixels of the canvas."""
        angle, size = np.deg2rad(self.turn), self.scale * target.radius / source.radius
        cos, sin, side = np.cos(angle) * size, np.sin(angle) * size, -1 if self.mirror else 1
        linear = np.array([[cos * side, -sin], [sin * side, cos]])
        middle = np.array([target.x + self.dx, target.y + self.dy]) - linear @ [source.x, source.y]
        return np.column_stack([linear, middle])


@dataclass(frozen=True, slots=True)
class Setting:
    """The frames between which an instance moves, the largest shift (x, y pixels), the angle step (0: any)."""

    source: Frame
    target: Frame
    span: tuple[float, float]
    right_angle: int


@dataclass(frozen=True, slots=True)
class Reach:
    """Largest changes: rotation +- degrees, scale +- a fraction, shift +- a fraction of the radius."""

    turn: float
    mirror: bool
    scale: float
    shift: float


REACHES: dict[Place, Reach] = {
    # A chip stays on the rim and keeps its width: any angle, its own radius within a tolerance.
    "orbit": Reach(180, True, 0.03, 0.02),
    # Cloth and tiles have no preferred place or direction; the size of a speck varies.
    "anywhere": Reach(180, True, 0.2, 1),
    # If a part is always placed in the same way, its defects stay in place within the precision of the placement.
    "same": Reach(5, False, 0.05, 0.03),
}
MAX_TILT_DEGREES = 5  # largest difference from a right angle for an instance at the image border


def detect_part(rgb: NDArray[np.uint8]) -> DetectedPart:
    """Detect the part in an H x W x 3 image: the pixels that differ from the colour of the outermost pixels."""
    height, width = rgb.shape[:2]
    image_frame = Frame((width - 1) / 2, (height - 1) / 2, min(height, width) / 2)
    shrink = min(1, DETECTION_SIDE / max(height, width))
    small = cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA).astype(np.int16)
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    background = np.median(edge, axis=0)
    if (np.abs(edge - background).max(axis=1) <= BACKGROUND_TOLERANCE).mean() < 0.6:
        return DetectedPart(False, None, image_frame)
    part = (np.abs(small - background) > BACKGROUND_TOLERANCE).any(axis=2).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(part)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()) if count > 1 else 0
    if not largest or stats[largest, cv2.CC_STAT_AREA] < part.size / 20:
        return DetectedPart(False, None, image_frame)
    outlines, _ = cv2.findContours((labels == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    circle = fit_circle(outlines[0][:, 0].astype(np.float64))
    if circle is None:
        return DetectedPart(True, None, image_frame)
    at_centre = 0.5 / shrink - 0.5
    return DetectedPart(
        True,
        Frame(circle.x / shrink + at_centre, circle.y / shrink + at_centre, circle.radius / shrink),
        image_frame,
    )


def fit_circle(points: NDArray[np.float64]) -> Frame | None:
    """Circle through most of N x 2 points, None if fewer than three quarters of them are on a circle.

    Algebraic least squares (Kasa 1976), repeated without distant points, such as those of a cord that hangs out of
    a bottle.
    """
    kept = points
    for _ in range(8):
        if len(kept) < 8:
            return None
        system = np.column_stack([2 * kept, np.ones(len(kept))])
        (x, y, c), *_ = np.linalg.lstsq(system, (kept**2).sum(axis=1), rcond=None)
        radius = float(np.sqrt(max(c + x * x + y * y, 0)))
        off = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius)
        kept = points[off <= max(np.median(off) * 2, CIRCLE_TOLERANCE * radius)]
    on_circle = (off <= CIRCLE_TOLERANCE * radius + 1).mean()
    return Frame(float(x), float(y), radius) if on_circle >= 0.75 else None


def choose_place(parts: Iterable[DetectedPart]) -> Place:
    """The place that suits most images.

    In front of a plain background `orbit` for round parts and `same` for others; `anywhere` without a background.
    """
    seen = list(parts)
    if 2 * sum(part.circle is not None for part in seen) > len(seen):
        return "orbit"
    return "same" if 2 * sum(part.silhouette for part in seen) > len(seen) else "anywhere"


def settle(place: Place, source: DetectedPart, canvas: DetectedPart, box: Box, *, is_cut: bool) -> Setting:
    """The setting for an instance with `box` (x, y, w, h in pixels) from a source on a canvas.

    `is_cut`: the border of the source cuts the instance. The instance then stays at the border and is rotated only
    by right angles, or only by 180 degrees if the source is not square.
    """
    reach = REACHES[place]
    right_angle = 0 if not is_cut or reach.turn < 90 else 90 if source.is_square else 180
    if place == "anywhere" and not is_cut:
        x, y, w, h = (float(v) for v in box)
        centre = Frame(x + (w - 1) / 2, y + (h - 1) / 2, 1)
        return Setting(
            centre,
            replace(canvas.image_frame, radius=1),
            (canvas.image_frame.x, canvas.image_frame.y),
            right_angle,
        )
    target = canvas.frame(place)
    shift = min(reach.shift, REACHES["same"].shift) * target.radius
    return Setting(source.frame(place), target, (shift, shift), right_angle)


def draw_moves(random: np.random.Generator, place: Place, setting: Setting, count: int) -> list[Move]:
    """`count` moves with the same rotation and mirroring and different scale and shift."""
    reach = REACHES[place]
    mirror = bool(reach.mirror and random.random() < 0.5)
    turn = random.uniform(-reach.turn, reach.turn)
    if setting.right_angle:
        turn = setting.right_angle * round(turn / setting.right_angle) + random.uniform(
            -MAX_TILT_DEGREES, MAX_TILT_DEGREES
        )
    scale = random.uniform(1 - reach.scale, 1 + reach.scale, count)
    shift = random.uniform(-1, 1, (count, 2)) * setting.span
    return [
        Move(round(turn, 3), mirror, round(float(s), 4), round(float(dx), 2), round(float(dy), 2))
        for s, (dx, dy) in zip(scale, shift, strict=True)
    ]
