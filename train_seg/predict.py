"""Predictions of the images of a dataset, and of any pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datasets.coco import CocoFile, Image, Prediction
from datasets.formats.dataset_folder import Dataset
from datasets.images.image_file import read_rgb
from evaluate.pixels import paint_annotations, type_indices
from system.console import progress
from train_seg.postprocess import FAINT, shares_to_predictions
from train_seg.segmenter import Segmenter
from training.predict import number_pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 100


def predict_images(
    segmenter: Segmenter, dataset: Dataset, images: Sequence[Image], label: str
) -> list[Prediction]:
    """Predictions of images of a dataset, in their order. Raises InputError."""
    found: list[Prediction] = []
    for image in progress(images, f"predicting {label}", len(images)):
        found += predict_picture(segmenter, dataset.read_image(image), image.id)
    return found


def predict_files(
    segmenter: Segmenter, files: Sequence[Path], dataset: Dataset | None, min_score: float
) -> tuple[list[Image], list[Prediction]]:
    """Predictions of picture files, and which picture has which id by training.predict. Raises InputError."""
    images, found = [], []
    ids = number_pictures(files, dataset)
    for image_id, file in zip(ids, progress(files, "predicting", len(files)), strict=True):
        rgb = read_rgb(file)
        images.append(Image(image_id, file.as_posix(), rgb.shape[1], rgb.shape[0]))
        found += predict_picture(segmenter, rgb, image_id, min_score)
    return images, found


def predict_picture(
    segmenter: Segmenter, rgb: "NDArray[np.uint8]", image_id: int, min_score: float = 0.0
) -> list[Prediction]:
    """Predictions of one H x W x 3 picture."""
    height, width = rgb.shape[:2]
    shares, top, left = segmenter.shares_from(rgb, FAINT * segmenter.spec.pixel_threshold)
    within = (top, left, height, width)
    return shares_to_predictions(
        shares, image_id, segmenter.spec, segmenter.scale(height, width), min_score, within
    )


def choose_pixel_threshold(segmenter: Segmenter, dataset: Dataset, truth: CocoFile) -> float | None:
    """Pixel threshold with the best pooled Dice of defect pixels at original size; None without annotations."""
    if not truth.annotations:
        return None
    annotations, indices = truth.by_image(), type_indices(truth)
    counts = np.zeros((2, BINS), np.int64)
    for image in progress(truth.images, "choosing the threshold", len(truth.images)):
        defect = 1 - segmenter.shares(dataset.read_image(image))[0]
        bins = np.minimum((defect * BINS).astype(np.int64), BINS - 1)
        real = paint_annotations(image, annotations[image.id], indices) > 0
        counts[1] += np.bincount(bins[real], minlength=BINS)
        counts[0] += np.bincount(bins[~real], minlength=BINS)
    return best_threshold(counts)


def best_threshold(counts: "NDArray[np.int64]") -> float:
    """Threshold with the best Dice, from a 2 x BINS histogram of defect shares (row 1: defect pixels).

    The middle of all thresholds within a thousandth of the best, because the curve is flat and its very top is
    chance; kept within 0.1 and 0.9.
    """
    false, true = (np.cumsum(row[::-1])[::-1] for row in counts)
    dice = 2 * true / (true + false + true[0])
    candidates = np.arange(BINS // 10, BINS - BINS // 10 + 1)
    good = candidates[dice[candidates] >= dice[candidates].max() - 0.001]
    return round(float(np.mean((good.min(), good.max()))) / BINS, 3)
