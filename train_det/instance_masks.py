"""Instance masks of images from the output of a segmentation model of Ultralytics: coefficients and prototypes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.coco import Rle
from datasets.masks.component import Component
from datasets.masks.edges import component_to_rle
from train_det.augment import Matrix, centred
from train_det.outputs import RATIO


def instance_masks(
    boxes: NDArray[np.float64], prototypes: NDArray[np.float32], matrix: Matrix, size: tuple[int, int]
) -> list[Rle]:
    """The mask of each box, in an image of `size` (width, height).

    `boxes` is n x (6 + K): x0, y0, x1, y1 in pixels of the image, score, class, K coefficients; `prototypes` is
    K x S/4 x S/4, and `matrix` maps the image into the square. A mask is cut to its box; the logits are
    interpolated, and pixels with a positive one belong to it.
    """
    width, height = size
    to_prototype = np.diag([1 / RATIO, 1 / RATIO, 1.0]) @ matrix
    masks = []
    for box in boxes:
        logits = np.tensordot(box[6:].astype(np.float32), prototypes, 1)
        x0, y0 = int(np.floor(box[0])), int(np.floor(box[1]))
        x1, y1 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
        w, h = max(1, x1 - x0), max(1, y1 - y0)
        to_box = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]], np.float64) @ np.linalg.inv(to_prototype)
        drawn = cv2.warpAffine(
            logits, centred(to_box)[:2], (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        masks.append(component_to_rle(Component((x0, y0, w, h), drawn > 0), height, width))
    return masks
