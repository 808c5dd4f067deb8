"""Where a pasted defect may lie: the part found in a picture, and random places that suit what was found."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.coco import Box

Place = Literal["orbit", "anywhere", "same"]
Matrix = NDArray[np.float64]

LOOK_AT = 256  # longer side in pixels at which the part is looked for
UNIFORM = 30  # grey levels that a pixel of the background may differ from the frame's median colour
ROUND = 0.03  # of the radius: how far a point of a round outline may lie off its circle


@dataclass(frozen=True, slots=True)
class Frame:
    """What one picture is laid on another by: centre and radius in pixels, pixel centres at whole numbers."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture shows: a part before a uniform background or not, the circle of a round one, the size."""

    silhouette: bool
    circle: Frame | None
    picture: Frame

    @property
    def is_square(self) -> bool:
        """Whether the picture is as wide as it is high."""
        return self.picture.x == self.picture.y

    def frame(self, place: Place) -> Frame:
        """The circle of a round part for `orbit`, else the middle of the picture."""
        return self.circle if place == "orbit" and self.circle else self.picture


@dataclass(frozen=True, slots=True)
class Move:
    """How an instance gets from its picture to another: turned by degrees, mirrored or not, scaled, moved.

    In the frame of the source: mirror left to right, turn clockwise about the centre, scale; then centre on
    centre, moved by (dx, dy) pixels of the canvas.
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
    """Between which frames an instance moves, how far at most (x, y pixels), in steps of what angle (0: any)."""

    source: Frame
    target: Frame
    span: tuple[float, float]
    right_angle: int


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a place may differ: turn +- degrees, scale +- a part of 1, shift +- a part of the radius."""

    turn: float
    mirror: bool
    scale: float
    shift: float


REACHES: dict[Place, Reach] = {
    # A chip of a rim lies on the rim and is as wide as it is: any angle, its own radius within tolerance.
    "orbit": Reach(180, True, 0.03, 0.02),
    # Cloth and tiles have no preferred place nor side; a speck on them may be larger or smaller.
    "anywhere": Reach(180, True, 0.2, 1),
    # A part that always lies the same way has its defects where they are, but for how precisely it is put there.
    "same": Reach(5, False, 0.05, 0.03),
}
QUARTERS = 5  # degrees: how far the turn of an instance that the border cuts may differ from a right angle


def look(rgb: NDArray[np.uint8]) -> Look:
    """Find the part in an H x W x 3 picture: what differs from the colour of its outermost pixels."""
    height, width = rgb.shape[:2]
    picture = Frame((width - 1) / 2, (height - 1) / 2, min(height, width) / 2)
    shrink = min(1, LOOK_AT / max(height, width))
    small = cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA).astype(np.int16)
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    background = np.median(edge, axis=0)
    if (np.abs(edge - background).max(axis=1) <= UNIFORM).mean() < 0.6:
        return Look(False, None, picture)
    part = (np.abs(small - background) > UNIFORM).any(axis=2).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(part)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()) if count > 1 else 0
    if not largest or stats[largest, cv2.CC_STAT_AREA] < part.size / 20:
        return Look(False, None, picture)
    outlines, _ = cv2.findContours((labels == largest).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    circle = fit_circle(outlines[0][:, 0].astype(np.float64))
    if circle is None:
        return Look(True, None, picture)
    at_centre = 0.5 / shrink - 0.5
    return Look(
        True, Frame(circle.x / shrink + at_centre, circle.y / shrink + at_centre, circle.radius / shrink), picture
    )


def fit_circle(points: NDArray[np.float64]) -> Frame | None:
    """Circle through most of N x 2 points, None where fewer than three quarters lie on one.

    Algebraic least squares (Kasa 1976), repeated without the points that are far off, as those of a cord that
    hangs out of a bottle.
    """
    kept = points
    for _ in range(8):
        if len(kept) < 8:
            return None
        system = np.column_stack([2 * kept, np.ones(len(kept))])
        (x, y, c), *_ = np.linalg.lstsq(system, (kept**2).sum(axis=1), rcond=None)
        radius = float(np.sqrt(max(c + x * x + y * y, 0)))
        off = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius)
        kept = points[off <= max(np.median(off) * 2, ROUND * radius)]
    on_circle = (off <= ROUND * radius + 1).mean()
    return Frame(float(x), float(y), radius) if on_circle >= 0.75 else None


def choose_place(looks: Iterable[Look]) -> Place:
    """The place that suits most pictures.

    Before a plain background, `orbit` for a round part and `same` for another; `anywhere` without a background.
    """
    seen = list(looks)
    if 2 * sum(look.circle is not None for look in seen) > len(seen):
        return "orbit"
    return "same" if 2 * sum(look.silhouette for look in seen) > len(seen) else "anywhere"


def settle(place: Place, source: Look, canvas: Look, box: Box, *, is_cut: bool) -> Setting:
    """The setting of an instance with `box` (x, y, w, h in pixels) from a source on a canvas.

    `is_cut` says that the border of the source cuts the instance: it goes on beyond the border, so it stays there
    and is turned by right angles only, by half turns where the source is not square.
    """
    reach = REACHES[place]
    right_angle = 0 if not is_cut or reach.turn < 90 else 90 if source.is_square else 180
    if place == "anywhere" and not is_cut:
        x, y, w, h = (float(v) for v in box)
        centre = Frame(x + (w - 1) / 2, y + (h - 1) / 2, 1)
        return Setting(
            centre, replace(canvas.picture, radius=1), (canvas.picture.x, canvas.picture.y), right_angle
        )
    target = canvas.frame(place)
    shift = min(reach.shift, REACHES["same"].shift) * target.radius
    return Setting(source.frame(place), target, (shift, shift), right_angle)


def draw_moves(random: np.random.Generator, place: Place, setting: Setting, count: int) -> list[Move]:
    """`count` moves that share turn and mirror and differ in scale and shift."""
    reach = REACHES[place]
    mirror = bool(reach.mirror and random.random() < 0.5)
    turn = random.uniform(-reach.turn, reach.turn)
    if setting.right_angle:
        turn = setting.right_angle * round(turn / setting.right_angle) + random.uniform(-QUARTERS, QUARTERS)
    scale = random.uniform(1 - reach.scale, 1 + reach.scale, count)
    shift = random.uniform(-1, 1, (count, 2)) * setting.span
    return [
        Move(round(turn, 3), mirror, round(float(s), 4), round(float(dx), 2), round(float(dy), 2))
        for s, (dx, dy) in zip(scale, shift, strict=True)
    ]
