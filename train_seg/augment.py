"""All augmentation of the segmenter, with the reasons; nothing else changes a training image.

The options limit each step; recipes/train_seg.yaml gives their units.

The part is centred and looks the same from every side, so the camera could also take every rotation and mirror
image. Rotations and mirror images are by far the most valuable augmentation: they show a chip at every place of
the rim. Mosaic, crops and strong perspective are left out, because no camera above a production line takes such
images.
"""

import os
from typing import Any

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # otherwise its import looks for a newer version in the network

import albumentations as A  # noqa: N812  the name that its documentation uses
import cv2
import numpy as np
from numpy.typing import NDArray

from train_seg.options import SegmenterAugmentation


def training_augmentation(
    options: SegmenterAugmentation, padding: tuple[int, int, int], *, numbered: bool = False
) -> A.Compose:
    """The augmentation of one training image and its H x W x K coverage, both uint8.

    `padding` is the RGB colour of what moves in from outside the image. `numbered`: the coverage has channels of
    numbers, which must not be mixed.
    """
    return A.Compose(
        [
            # The eight symmetries of the square are cheap and do not blur.
            A.D4(p=1.0 if options.symmetries else 0.0),
            # Any angle. Scale and shift model another working distance and a part that is not centred.
            # The coverage is also interpolated linearly, so its edges stay aligned with the image.
            A.Affine(
                rotate=_around(0, options.rotation),
                scale=_around(1, options.scale),
                translate_percent=_around(0, options.shift),
                keep_ratio=True,
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_NEAREST if numbered else cv2.INTER_LINEAR,
                fill=padding,
                fill_mask=0,
                p=options.geometry_share,
            ),
            # Lamps age and lenses are changed, so brightness and contrast vary. Hue and saturation hardly vary:
            # contamination is distinguished from glass by its colour.
            A.ColorJitter(
                brightness=_around(1, options.brightness),
                contrast=_around(1, options.contrast),
                saturation=_around(1, options.saturation),
                hue=_around(0, options.hue),
                p=options.colour_share,
            ),
            # Sensor noise and a slightly wrong focus, each in some of the images.
            A.OneOf(
                [A.GaussNoise(std_range=(options.noise / 4, options.noise)), A.GaussianBlur(blur_limit=(3, 3))],
                p=options.noise_share,
            ),
        ]
    )


def _around(middle: float, reach: float) -> tuple[float, float]:
    return middle - reach, middle + reach


def augment(
    pipeline: A.Compose, seed: int, image: "NDArray[np.uint8]", coverage: "NDArray[np.uint8]"
) -> tuple["NDArray[np.uint8]", "NDArray[np.uint8]"]:
    """Apply `pipeline` with a result that depends on `seed` only, not on earlier calls or the process."""
    pipeline.set_random_seed(seed)
    done: dict[str, Any] = pipeline(image=image, mask=coverage)
    return done["image"], done["mask"]
