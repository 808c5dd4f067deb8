"""Which part of each patch of the network's square is covered by defects of each type, by the annotations."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from datasets.coco import Annotation, CocoFile, Image
from datasets.masks.rle import decode
from training.letterbox import Letterbox

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE = 255


def patch_cover(
    image: Image, annotations: Sequence[Annotation], categories: Sequence[int], imgsz: int, side: int
) -> "NDArray[np.float32]":
    """Covered share of each patch, (1 + K) x side^2: of ignore regions, then of the categories in the order given.

    An annotation without a mask covers its box.
    """
    cover = np.zeros((1 + len(categories), image.height, image.width), np.uint8)
    row = {category: k for k, category in enumerate(categories, 1)}
    for annotation in annotations:
        plane = cover[0 if annotation.iscrowd else row[annotation.category_id]]
        if annotation.segmentation:
            plane[decode(annotation.segmentation, image.height, image.width) > 0] = WHOLE
        else:
            x, y, width, height = annotation.bbox
            plane[int(y) : int(np.ceil(y + height)), int(x) : int(np.ceil(x + width))] = WHOLE
    box = Letterbox(image.height, image.width, imgsz)
    top, left, h, w = box.inner
    shares = np.zeros((len(cover), side * side), np.float32)
    for k, plane in enumerate(cover):
        if plane.any():
            square = np.zeros((imgsz, imgsz), np.uint8)
            square[top : top + h, left : left + w] = box.shrink(plane)
            patches = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
            shares[k] = patches.reshape(-1).astype(np.float32) / WHOLE
    return shares


def patch_covers(coco: CocoFile, images: Sequence[Image], imgsz: int, side: int) -> "NDArray[np.float32]":
    """The cover of each of `images`, N x (1 + K) x side^2."""
    annotations, categories = coco.by_image(), list(coco.names())
    found = [patch_cover(image, annotations[image.id], categories, imgsz, side) for image in images]
    return np.stack(found) if found else np.zeros((0, 1 + len(categories), side * side), np.float32)
