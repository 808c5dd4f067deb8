"""From trained weights to numbers: pixel threshold, predictions, metrics and curves of a run."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import Image
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset
from evaluate.measure import measure_run
from evaluate.run_folder import Run
from train_seg.fit import Training, kept
from train_seg.model import read_spec, save_model
from train_seg.predict import choose_pixel_threshold, predict_images
from train_seg.record import BEST, LAST, STATE
from train_seg.segmenter import Segmenter, load_segmenter
from training.history import draw_curves, read_history

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evaluate.metrics import Metrics

CURVES = {"loss": ["train_loss", "val_loss"], "validation": ["val_dice", "val_iou"], "learning rate": ["lr"]}


def finish(training: Training) -> "Metrics | None":
    """Choose the pixel threshold on val, store it in the weights, predict, measure, draw the curves.

    None where the dataset has no test image to measure on.
    """
    run, dataset = training.run, training.dataset
    with kept(run, training.options):
        segmenter = load_segmenter(run.weights / BEST, training.device)
        val = dataset.splits.get("val")
        threshold = choose_pixel_threshold(segmenter, dataset, val) if val else None
        if threshold is not None:
            for name in (BEST, LAST):
                store_threshold(run.weights / name, threshold)
            spec = msgspec.structs.replace(segmenter.spec, pixel_threshold=threshold)
            segmenter = dataclasses.replace(segmenter, spec=spec)
        draw_curves(run.curves, read_history(run.history), CURVES)
        metrics = measure(run, dataset, segmenter, ["val", "test"])
        (run.weights / STATE).unlink(missing_ok=True)
        return metrics


def store_threshold(path: Path, threshold: float) -> None:
    """Write a weights file anew with another pixel threshold."""
    from safetensors.torch import load_file

    save_model(path, load_file(path), msgspec.structs.replace(read_spec(path), pixel_threshold=threshold))


def measure(
    run: Run, dataset: Dataset, segmenter: Segmenter, splits: Sequence[str], operating_point: str = "max-f1"
) -> "Metrics | None":
    """Predict `splits` of the dataset as the run sees it, write predictions/{split}.json, and measure.

    None and no metrics.json where there is no test image. Nothing is written unless all can be predicted.
    """
    found = {split: predict_images(segmenter, dataset, dataset.images(split), split) for split in splits}
    for split, predictions in found.items():
        write_predictions(run.predictions(split), predictions)
    if not dataset.images("test"):
        return None

    def defect_share(image: Image) -> "NDArray[np.float32]":
        share: NDArray[np.float32] = 1 - segmenter.shares(dataset.read_image(image))[0]
        return share

    default = segmenter.spec.pixel_threshold
    return measure_run(run, dataset, operating_point=operating_point, default=default, score_map=defect_share)
