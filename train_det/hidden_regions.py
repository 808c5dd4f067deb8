"""Ignore regions of training images, painted over, because the loss of Ultralytics cannot leave pixels out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datasets.coco import Annotation
from datasets.masks.rle import decode
from train_det.augment import frame_colour


def hide_regions(
    image: NDArray[np.uint8], regions: Sequence[Annotation], defects: Sequence[Annotation]
) -> NDArray[np.uint8]:
    """H x W x 3 `image` with the pixels of `regions` outside of `defects` in the colour of its border."""
    height, width = image.shape[:2]
    painted = image.copy()
    painted[_covered(regions, height, width) & ~_covered(defects, height, width)] = frame_colour(image)
    return painted


def _covered(annotations: Sequence[Annotation], height: int, width: int) -> NDArray[np.bool_]:
    """The pixels of the masks of annotations, or of their boxes where there is no mask."""
    covered = np.zeros((height, width), bool)
    for annotation in annotations:
        if annotation.segmentation:
            covered |= decode(annotation.segmentation, height, width) > 0
        else:
            x, y, w, h = annotation.bbox
            covered[int(y) : int(np.ceil(y + h)), int(x) : int(np.ceil(x + w))] = True
    return covered
