"""Predictions of the images of a dataset, and of any pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Image, Prediction
from datasets.errors import InputError
from datasets.folder import Dataset
from datasets.images import is_image, read_rgb
from train_seg.data import Progress, category_indices, paint, read_picture
from train_seg.letterbox import Letterbox
from train_seg.postprocess import shares_to_predictions
from train_seg.segmenter import Segmenter

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 100


def predict_split(segmenter: Segmenter, dataset: Dataset, split: str, progress: Progress) -> list[Prediction]:
    """Predictions of all images of a split, in image order; none where the dataset lacks the split."""
    images = dataset.splits[split].images if split in dataset.splits else []
    found: list[Prediction] = []
    for image in progress(images, f"predicting {split}", len(images)):
        found += predict_picture(segmenter, read_picture(dataset, image), image.id)
    return found


def predict_files(
    segmenter: Segmenter, files: Sequence[Path], dataset: Dataset | None, min_score: float, progress: Progress
) -> tuple[list[Image], list[Prediction]]:
    """Predictions of picture files, and which picture has which id.

    Where all files are images of `dataset` they keep their ids there, else they are numbered from 1 in the order
    given. Raises InputError.
    """
    ids = _ids_in(dataset, files) if dataset else None
    images, found = [], []
    for number, file in enumerate(progress(files, "predicting", len(files)), 1):
        rgb = read_rgb(file)
        image = Image(ids[file] if ids else number, file.as_posix(), rgb.shape[1], rgb.shape[0])
        images.append(image)
        found += predict_picture(segmenter, rgb, image.id, min_score)
    return images, found


def predict_picture(
    segmenter: Segmenter, rgb: "NDArray[np.uint8]", image_id: int, min_score: float = 0.0
) -> list[Prediction]:
    """Predictions of one H x W x 3 picture."""
    scale = Letterbox(rgb.shape[0], rgb.shape[1], segmenter.spec.imgsz).scale
    threshold = segmenter.spec.pixel_threshold
    return shares_to_predictions(
        segmenter.shares(rgb), image_id, segmenter.category_ids, threshold, scale, min_score
    )


def list_files(paths: Sequence[Path]) -> list[Path]:
    """Picture files from files and folders, folders with what lies below them, sorted. Raises InputError."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if is_image(p) and p.is_file())
            if not below:
                raise InputError(
                    path, "no picture in this folder", "name a folder with PNG, JPEG, BMP or TIFF files"
                )
            files += below
        else:
            files.append(path)
    return list(dict.fromkeys(files))


def choose_pixel_threshold(segmenter: Segmenter, dataset: Dataset, split: str, progress: Progress) -> float | None:
    """Pixel threshold with the best pooled Dice of defect pixels at original size; None without annotations."""
    coco = dataset.splits.get(split)
    if coco is None or not coco.annotations:
        return None
    annotations, indices = coco.by_image(), category_indices(dataset.categories)
    counts = np.zeros((2, BINS), np.int64)
    for image in progress(coco.images, "choosing the threshold", len(coco.images)):
        defect = 1 - segmenter.shares(read_picture(dataset, image))[0]
        bins = np.minimum((defect * BINS).astype(np.int64), BINS - 1)
        real = paint(annotations[image.id], indices, image.height, image.width) > 0
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


def _ids_in(dataset: Dataset, files: Sequence[Path]) -> dict[Path, int] | None:
    known = {
        dataset.image_path(image).resolve(): image.id for coco in dataset.splits.values() for image in coco.images
    }
    ids = {file: known.get(file.resolve()) for file in files}
    found = {file: image_id for file, image_id in ids.items() if image_id is not None}
    return found if len(found) == len(files) else None


def encode_images(images: Sequence[Image]) -> bytes:
    """The list beside a predictions file that says which picture has which id."""
    return msgspec.json.encode(list(images)) + b"\n"
