"""All augmentation of the segmenter, in one place, with its reasons; nothing else is done to a training picture.

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


def training_augmentation() -> A.Compose:
    """The augmentation of one training picture and its H x W x K coverage, both uint8."""
    return A.Compose(
        [
            # The eight symmetries of the square cost nothing and lose no sharpness.
            A.D4(p=1.0),
            # Any angle; 10 % of scale and 4 % of shift stand for another working distance and a part that lies off
            # the middle. Linear for the coverage too, so that its edge stays where the picture's is.
            A.Affine(
                rotate=(-45, 45),
                scale=(0.9, 1.1),
                translate_percent=(-0.04, 0.04),
                keep_ratio=True,
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_LINEAR,
                fill=PAD,
                fill_mask=0,
                p=0.9,
            ),
            # Lamps age and lenses are changed: brightness and contrast by 15 %, hue and saturation hardly, because
            # the colour of a contamination is what tells it from glass.
            A.ColorJitter(
                brightness=(0.85, 1.15), contrast=(0.85, 1.15), saturation=(0.9, 1.1), hue=(-0.02, 0.02), p=0.7
            ),
            # Sensor noise up to 2 % of full scale, and a focus slightly off, each now and then.
            A.OneOf([A.GaussNoise(std_range=(0.005, 0.02)), A.GaussianBlur(blur_limit=(3, 3))], p=0.25),
        ]
    )


def augment(
    pipeline: A.Compose, seed: int, image: "NDArray[np.uint8]", coverage: "NDArray[np.uint8]"
) -> tuple["NDArray[np.uint8]", "NDArray[np.uint8]"]:
    """Apply `pipeline` as `seed` alone decides, whatever was drawn before and in whichever process."""
    pipeline.set_random_seed(seed)
    done: dict[str, Any] = pipeline(image=image, mask=coverage)
    return done["image"], done["mask"]
