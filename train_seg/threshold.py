"""The pixel threshold of a trained segmenter, chosen on val."""

from typing import TYPE_CHECKING

import numpy as np

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset
from evaluate.pixels import ignored_pixels, paint_annotations, type_indices
from system.console import progress
from train_seg.segmenter import Segmenter

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 100


def choose_pixel_threshold(segmenter: Segmenter, dataset: Dataset, truth: CocoFile) -> float | None:
    """Pixel threshold with the best pooled Dice of defect pixels at original size; None without such a pixel.

    Pixels of ignore regions are not counted.
    """
    if not truth.defective():
        return None
    annotations, indices = truth.by_image(), type_indices(truth)
    counts = np.zeros((2, BINS), np.int64)
    for image in progress(truth.images, "choosing the threshold", len(truth.images)):
        defect = 1 - segmenter.shares(dataset.read_image(image))[0]
        bins = np.minimum((defect * BINS).astype(np.int64), BINS - 1)
        real = paint_annotations(image, annotations[image.id], indices) > 0
        ignored = ignored_pixels(image, annotations[image.id])
        counts[1] += np.bincount(bins[real], minlength=BINS)
        counts[0] += np.bincount(bins[~(real | ignored)], minlength=BINS)
    return best_threshold(counts) if counts[1].any() else None


def best_threshold(counts: "NDArray[np.int64]") -> float:
    """Threshold with the best Dice, from a 2 x BINS histogram of defect shares (row 1: defect pixels).

    The middle of all thresholds whose Dice is within a thousandth of the best, because the curve is flat and the
    position of its maximum is random; limited to 0.1 to 0.9.
    """
    false, true = (np.cumsum(row[::-1])[::-1] for row in counts)
    dice = 2 * true / (true + false + true[0])
    candidates = np.arange(BINS // 10, BINS - BINS // 10 + 1)
    good = candidates[dice[candidates] >= dice[candidates].max() - 0.001]
    return round(float(np.mean((good.min(), good.max()))) / BINS, 3)
