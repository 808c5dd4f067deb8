"""A training image of the classifier, changed at random: symmetry, rotation, zoom, shift and light."""

from typing import TYPE_CHECKING

import cv2
import numpy as np

from train_cls.options import ClassifierAugmentation

if TYPE_CHECKING:
    from numpy.typing import NDArray


def augment(
    square: "NDArray[np.uint8]", limits: ClassifierAugmentation, random: np.random.Generator
) -> "NDArray[np.uint8]":
    """An S x S x 3 image changed within `limits`; the same draws of `random` give the same image.

    Pixels outside the image are mirrored at the edge. One interpolation makes all changes of geometry.
    """
    turns, flip = int(random.integers(4)), int(random.integers(2))
    angle, scale, x, y, brightness, contrast = random.uniform(-1, 1, 6)
    if limits.symmetries:
        square = np.rot90(square[:, ::-1] if flip else square, turns)
    side = len(square)
    if limits.rotation or limits.scale or limits.shift:
        middle = ((side - 1) / 2, (side - 1) / 2)
        matrix = cv2.getRotationMatrix2D(middle, angle * limits.rotation, 1 + scale * limits.scale)
        matrix[:, 2] += np.array([x, y]) * limits.shift * side
        square = np.asarray(
            cv2.warpAffine(
                np.ascontiguousarray(square),
                matrix,
                (side, side),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT_101,
            ),
            np.uint8,
        )
    if limits.brightness or limits.contrast:
        factor = 1 + contrast * limits.contrast
        mean = float(square.mean())
        light = ((square - mean) * factor + mean) * (1 + brightness * limits.brightness)
        square = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(square)
