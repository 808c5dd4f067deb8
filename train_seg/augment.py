"""All augmentation of the segmenter, in one place, with its reasons; nothing else is done to a training picture.

How far each goes is said in the options, with units in recipes/train_seg.yaml.

The part is centred and looks the same from every side, so any rotation and any mirror image is a picture that the
line could deliver, and it is by far the most valuable augmentation: it shows a chip at every place of the rim.
Mosaic, crops and strong perspective make pictures that no camera above a line delivers, and are left out.
"""

import os
from typing import Any

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else its import asks the network for a newer version

import albumentations as A  # noqa: N812  the name under which its documentation knows it
import cv2
import numpy as np
from numpy.typing import NDArray

from train_seg.letterbox import PAD
from train_seg.options import Augmentation


def training_augmentation(how: Augmentation) -> A.Compose:
    """The augmentation of one training picture and its H x W x K coverage, both uint8."""
    return A.Compose(
        [
            # The eight symmetries of the square cost nothing and lose no sharpness.
            A.D4(p=1.0 if how.symmetries else 0.0),
            # Any angle; scale and shift stand for another working distance and a part that lies off the middle.
            # Linear for the coverage too, so that its edge stays where the picture's is.
            A.Affine(
                rotate=_around(0, how.rotation),
                scale=_around(1, how.scale),
                translate_percent=_around(0, how.shift),
                keep_ratio=True,
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_LINEAR,
                fill=PAD,
                fill_mask=0,
                p=how.geometry_share,
            ),
            # Lamps age and lenses are changed: brightness and contrast vary, hue and saturation hardly, because
            # the colour of a contamination is what tells it from glass.
            A.ColorJitter(
                brightness=_around(1, how.brightness),
                contrast=_around(1, how.contrast),
                saturation=_around(1, how.saturation),
                hue=_around(0, how.hue),
                p=how.colour_share,
            ),
            # Sensor noise, and a focus slightly off, each now and then.
            A.OneOf(
                [A.GaussNoise(std_range=(how.noise / 4, how.noise)), A.GaussianBlur(blur_limit=(3, 3))],
                p=how.noise_share,
            ),
        ]
    )


def _around(middle: float, reach: float) -> tuple[float, float]:
    return middle - reach, middle + reach


def augment(
    pipeline: A.Compose, seed: int, image: "NDArray[np.uint8]", coverage: "NDArray[np.uint8]"
) -> tuple["NDArray[np.uint8]", "NDArray[np.uint8]"]:
    """Apply `pipeline` as `seed` alone decides, whatever was drawn before and in whichever process."""
    pipeline.set_random_seed(seed)
    done: dict[str, Any] = pipeline(image=image, mask=coverage)
    return done["image"], done["mask"]
