"""A run's best epoch applied to images: to the splits of its dataset, to be measured, and to any pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from datasets.coco import Category, Image, Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset
from datasets.images.image_file import read_rgb
from evaluate.measure import measure_run
from evaluate.metrics import Metrics
from evaluate.run_folder import Run
from system.console import progress
from train_det import ultralytics_api
from train_det.checkpoints import BEST, load_detector
from train_det.exported import load_exported
from train_det.infer import Detection, Network, detect, network_of, to_predictions
from train_det.options import FitOptions
from training.options import run_options
from training.predict import number_pictures


class Detector(msgspec.Struct, frozen=True):
    """A trained network, the categories of its classes and how boxes are read off it."""

    network: Network
    categories: list[Category]
    how: Detection


def load_run_detector(
    run: Run, device: torch.device, *, least_score: float = 0.001, tta: bool = False, exported: str | None = None
) -> Detector:
    """The best epoch of a run, or what it was exported to (onnx or openvino). Raises OptionError, WeightsError."""
    ultralytics_api.choose_threads()
    options = run_options(run, FitOptions)
    how = Detection(side=options.imgsz, least_score=least_score, symmetries=tta)
    model, categories = load_detector(run.weights / BEST, device)
    network = load_exported(run.weights / BEST, exported) if exported else network_of(model)
    return Detector(network, categories, how)


def measure(
    run: Run, dataset: Dataset, detector: Detector, splits: Sequence[str], operating_point: str = "max-f1"
) -> Metrics | None:
    """Predict `splits` of the dataset as the run sees it, write predictions/{split}.json, and measure.

    None and no metrics.json where there is no test image. Nothing is written unless all can be predicted.
    """
    found = {split: predict_images(detector, dataset, dataset.images(split), split) for split in splits}
    for split, predictions in found.items():
        write_predictions(run.predictions(split), predictions)
    return measure_run(run, dataset, operating_point=operating_point) if dataset.images("test") else None


def predict_images(detector: Detector, dataset: Dataset, images: Sequence[Image], label: str) -> list[Prediction]:
    """COCO results on images of a dataset, at their original size. Raises InputError."""
    pictures = map(dataset.read_image, progress(images, f"predicting {label}", len(images)))
    found: list[Prediction] = []
    for image, boxes in zip(images, detect(detector.network, pictures, detector.how), strict=True):
        found += to_predictions(boxes, image.id, detector.categories)
    return found


def predict_files(
    detector: Detector, files: Sequence[Path], dataset: Dataset | None
) -> tuple[list[Image], list[Prediction]]:
    """COCO results on picture files, and which picture has which id.

    Where all files are images of `dataset` they keep their ids there, else they are numbered from 1 in the order
    given. Raises InputError.
    """
    images: list[Image] = []
    ids = number_pictures(files, dataset)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for image_id, file in zip(ids, progress(files, "predicting", len(files)), strict=True):
            rgb = read_rgb(file)
            images.append(Image(image_id, file.as_posix(), rgb.shape[1], rgb.shape[0]))
            yield rgb

    found = list(detect(detector.network, pictures(), detector.how))
    predictions: list[Prediction] = []
    for image, boxes in zip(images, found, strict=True):
        predictions += to_predictions(boxes, image.id, detector.categories)
    return images, predictions
