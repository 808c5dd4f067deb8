"""The masks of training images in the form for the loss of Ultralytics' segmentation models.

A batch has `masks`, B x S/4 x S/4: in each pixel the number, from 1, of the instance of the image, 0 for
background; and `sem_masks`, the class of that instance, 0 for background too.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from datasets.coco import Annotation, Image
from datasets.masks.rle import decode
from system.errors import InputError
from train_det.augment import Matrix, centred
from train_det.outputs import RATIO

OVERSIZE = 2  # pixels of a kept mask per pixel of the map


def small_mask(annotation: Annotation, image: Image, side: int) -> NDArray[np.uint8]:
    """The mask of an annotation, shrunk for a square of `side` pixels: h x w coverage, 0 to 255.

    Raises InputError if the annotation has a box only.
    """
    if not annotation.segmentation:
        problem = f"annotation {annotation.id} has a box and no segmentation"
        raise InputError(image.file_name, problem, "a -seg model needs masks; give --weights of a detector")
    mask = decode(annotation.segmentation, image.height, image.width) * np.uint8(255)
    scale = OVERSIZE * side / RATIO / max(mask.shape)
    if scale >= 1:
        return mask
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)


def instance_maps(
    masks: Sequence[NDArray[np.uint8]],
    classes: Sequence[int],
    size: tuple[int, int],
    matrix: Matrix,
    side: int,
) -> dict[str, torch.Tensor]:
    """`masks` and `sem_masks` of one image of `size` (width, height), mapped into the square by `matrix`.

    Smaller instances are on top of larger ones.
    """
    small = side // RATIO
    numbers, kinds = np.zeros((small, small), np.uint8), np.zeros((small, small), np.uint8)
    to_map = np.diag([1 / RATIO, 1 / RATIO, 1.0]) @ matrix
    warped = []
    for mask in masks:
        to_image = np.diag([size[0] / mask.shape[1], size[1] / mask.shape[0], 1.0])
        warped.append(cv2.warpAffine(mask, centred(to_map @ to_image)[:2], (small, small)) >= 128)
    for number in sorted(range(len(warped)), key=lambda i: -int(warped[i].sum())):
        numbers[warped[number]] = number + 1
        kinds[warped[number]] = classes[number]
    return {"masks": torch.from_numpy(numbers), "sem_masks": torch.from_numpy(kinds)}
