"""Layers: masked paint over a bottle, from which defects are drawn."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from datasets.synth.bottle import Bottle
from datasets.synth.strip import RgbImage
from datasets.synth.texture import Float

Mask = npt.NDArray[np.bool_]

MIN_AREA_SHARE = 0.0006  # smallest component or hole that is kept, as a fraction of the pixels of the image


@dataclass(frozen=True)
class Spot:
    """The masked pixels of a layer: one-dimensional arrays, with lengths in radii of the bottle.

    `x`, `y`: from the middle of the bottle. `radius`, `angle`: the same, polar.
    `depth`: distance inwards from the edge of the mask. `pixel`: side of one pixel.
    """

    x: Float
    y: Float
    radius: Float
    angle: Float
    depth: Float
    pixel: float


@dataclass(frozen=True)
class Layer:
    """One component of a defect: its mask and the (n, 3) RGB colours of the masked pixels."""

    mask: Mask
    paint: Callable[[Spot], Float]


def one_component(mask: Mask) -> Mask:
    """The largest component of a mask (8-connectivity), without pinholes."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    largest = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~largest).astype(np.uint8), connectivity=4)
    pinhole = stats[:, cv2.CC_STAT_AREA] < max(MIN_AREA_SHARE * mask.size, 4)
    pinhole[0] = False
    return np.asarray(largest | pinhole[labels], np.bool_)


def put_layer(rgb: RgbImage, bottle: Bottle, layer: Layer) -> RgbImage:
    """Paint a layer over an image; returns a copy that differs only inside the mask.

    The outermost pixels of the mask are half transparent, so that the edge is smooth.
    """
    rows, columns = np.nonzero(layer.mask)
    pixels = cv2.distanceTransform(layer.mask.astype(np.uint8), cv2.DIST_L2, 3)[rows, columns]
    radius, angle = bottle.radius[rows, columns], bottle.angle[rows, columns]
    pixel = 1 / bottle.unit
    spot = Spot(
        x=radius * np.cos(angle),
        y=radius * np.sin(angle),
        radius=radius,
        angle=angle,
        depth=np.asarray(pixels * np.float32(pixel), np.float32),
        pixel=pixel,
    )
    opacity = np.clip(pixels[:, None] * np.float32(0.55), 0, 1)
    below = rgb[rows, columns].astype(np.float32)
    painted = rgb.copy()
    painted[rows, columns] = np.clip(np.rint(below + opacity * (layer.paint(spot) - below)), 0, 255)
    return painted
