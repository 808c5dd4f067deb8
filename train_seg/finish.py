"""From trained weights to numbers: pixel threshold, predictions, metrics and curves of a run."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import CocoFile, Image, write_predictions
from datasets.folder import Dataset
from datasets.runs import Run, draw_curves, read_history, read_split
from train_seg.data import Progress, read_picture
from train_seg.model import read_spec, save_model
from train_seg.predict import choose_pixel_threshold, predict_images
from train_seg.record import BEST, LAST, STATE
from train_seg.segmenter import Segmenter, load_segmenter

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from evaluate.metrics import Metrics

CURVES = {"loss": ["train_loss", "val_loss"], "validation": ["val_dice", "val_iou"], "learning rate": ["lr"]}


def finish(run: Run, dataset: Dataset, device: "torch.device", progress: Progress) -> "Metrics | None":
    """Choose the pixel threshold on val, store it in the weights, predict, measure, draw the curves.

    None where the dataset has no test image to measure on.
    """
    segmenter = load_segmenter(run.weights / BEST, device)
    threshold = choose_pixel_threshold(segmenter, dataset, split_truth(run, dataset, "val"), progress)
    if threshold is not None:
        for name in (BEST, LAST):
            store_threshold(run.weights / name, threshold)
        spec = msgspec.structs.replace(segmenter.spec, pixel_threshold=threshold)
        segmenter = dataclasses.replace(segmenter, spec=spec)
    draw_curves(run.curves, read_history(run.history), CURVES)
    metrics = measure(run, dataset, segmenter, ["val", "test"], progress)
    (run.weights / STATE).unlink(missing_ok=True)
    return metrics


def split_truth(run: Run, dataset: Dataset, split: str) -> CocoFile:
    """The images that the run calls `split`, wherever the dataset has them, with their annotations."""
    names = set(read_split(run).images.get(split, []))
    images = [image for coco in dataset.splits.values() for image in coco.images if image.file_name in names]
    ids = {image.id for image in images}
    annotations = [a for coco in dataset.splits.values() for a in coco.annotations if a.image_id in ids]
    return CocoFile(sorted(images, key=lambda image: image.id), annotations, dataset.categories)


def store_threshold(path: Path, threshold: float) -> None:
    """Write a weights file anew with another pixel threshold."""
    from safetensors.torch import load_file

    save_model(path, load_file(path), msgspec.structs.replace(read_spec(path), pixel_threshold=threshold))


def measure(
    run: Run, dataset: Dataset, segmenter: Segmenter, splits: list[str], progress: Progress, rule: str = "max-f1"
) -> "Metrics | None":
    """Predict `splits` anew, write predictions/*.json and, if there are test images, metrics.json."""
    from evaluate.measure import measure_run

    for split in splits:
        images = split_truth(run, dataset, split).images
        write_predictions(run.predictions(split), predict_images(segmenter, dataset, images, split, progress))
    if not split_truth(run, dataset, "test").images:
        return None

    def defect_share(image: Image) -> "NDArray[np.float32]":
        share: NDArray[np.float32] = 1 - segmenter.shares(read_picture(dataset, image))[0]
        return share

    return measure_run(run, dataset, operating_point=rule, score_map=defect_share)
