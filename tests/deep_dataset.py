"""A dataset of a 12-bit camera: one bright image, the others so dark that alone they would count as 10 bits."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.masks2coco import MasksOptions, masks2coco
from datasets.images.bit_depth import IntensityRange

TWELVE_BITS = [IntensityRange("integer", 0, 4095)]
HEIGHT, WIDTH = 96, 128
BRIGHT = 0  # the number of the bright image


def camera_image(number: int) -> NDArray[np.uint16]:
    """HEIGHT x WIDTH values up to 4000 of the bright image, up to 800 of the others."""
    top = 4000 if number == BRIGHT else 800 - number
    return np.linspace(top / 4, top, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint16)


def expected_rgb(number: int) -> NDArray[np.uint8]:
    """The image as 8-bit RGB: of 12 bits the highest 8."""
    return np.repeat((camera_image(number) >> 4).astype(np.uint8)[:, :, None], 3, axis=2)


def deep_dataset(root: Path, images: int = 8, ratios: tuple[float, float, float] = (0.5, 0.25, 0.25)) -> Path:
    """A dataset folder with the 16-bit PNGs `0.png`, `1.png`, ...; those with even numbers have a defect."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(images):
        cv2.imwrite(str(root / "images" / f"{number}.png"), camera_image(number))
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[40:52, 60:80] = 255 * (number % 2 == 0)
        cv2.imwrite(str(root / "masks" / f"{number}.png"), mask)
    masks2coco(root / "images", root / "coco", MasksOptions(root / "masks", ("dent",), ratios=ratios))
    return root / "coco"
