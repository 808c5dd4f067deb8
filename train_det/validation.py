"""Loss and COCO AP of the averaged weights on the val split, after each epoch."""

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader

from datasets.coco import CocoFile, Prediction
from datasets.formats.dataset_folder import Dataset
from evaluate.coco_eval import coco_eval
from features.good_map import GoodMap
from train_det.data import Sample, TrainingImages, collate, on_device, read_samples
from train_det.infer import DetectionOptions, boxes_in_squares, to_image_pixels, to_predictions
from train_det.options import DetectorOptions
from train_det.outputs import PROTOTYPES, one_output, split_output
from train_det.ultralytics_api import family_of
from training.letterbox import Letterbox

STATS = {"AP": 0, "AP50": 1, "AP75": 2}


class Validation:
    """Measures models on the val split of `dataset`; `monitor` names the value that selects the best epoch."""

    def __init__(self, dataset: Dataset, options: DetectorOptions, good_map: GoodMap | None = None) -> None:
        self._truth = dataset.splits.get("val") or CocoFile([], [], dataset.categories)
        self._categories = dataset.categories
        self._detection = DetectionOptions(side=options.imgsz)
        masks_for = options.imgsz if options.family == "yolo-seg" else 0
        self._samples = read_samples(dataset, self._truth.images, self._truth.by_image(), masks_for)
        self._images = TrainingImages(self._samples, options.imgsz, None, options.seed, good_map)
        self.monitor = options.monitor if self._truth.annotations else "last"

    @property
    def can_choose(self) -> bool:
        """Whether val has an annotation to measure on."""
        return bool(self._truth.annotations)

    def __call__(self, model: nn.Module) -> tuple[dict[str, float], float | None]:
        """The numbers of `model` for the history, and the one that selects the best epoch: larger is better.

        None if the last epoch is the best one.
        """
        if not self.can_choose:
            return {}, None
        with torch.inference_mode():
            losses, predictions = self._measure(model)
        stats = coco_eval(self._truth, predictions, "bbox").stats
        metrics = {"val_loss": float(np.mean(losses)), **{n: float(max(0.0, stats[i])) for n, i in STATS.items()}}
        monitored = {"loss": -metrics["val_loss"], **metrics}
        return metrics, monitored.get(self.monitor)

    def _measure(self, model: nn.Module) -> tuple[list[float], list[Prediction]]:
        device, family = next(model.parameters()).device, family_of(model)
        strides = [int(stride) for stride in model.stride]  # type: ignore[union-attr]
        losses: list[float] = []
        predictions: list[Prediction] = []
        keys = [(0, number) for number in range(len(self._images))]
        loader = DataLoader(self._images, self._detection.batch, sampler=keys, collate_fn=collate)
        for number, items in enumerate(loader):
            batch = on_device(items, device)
            output = model(batch["img"])
            _, parts = model.loss(batch, output)  # type: ignore[operator]
            losses += [float(sum(parts.values()))] * len(batch["img"])
            raw, extra, options = one_output(output, family, self._detection.side), 0, self._detection
            if family == "yolo-seg":
                raw, extra = split_output(raw, options.side, strides)[0], PROTOTYPES
            if family == "rtdetr":
                options = msgspec.structs.replace(options, overlap=1.0)
            for i, boxes in enumerate(boxes_in_squares(raw, options, extra), number * options.batch):
                predictions += self._predictions(i, boxes.double().cpu().numpy())
        return losses, predictions

    def _predictions(self, index: int, boxes: NDArray[np.float64]) -> list[Prediction]:
        sample: Sample = self._samples[index]
        matrix = Letterbox(sample.height, sample.width, self._detection.side).matrix
        moved = to_image_pixels(boxes, matrix, (sample.width, sample.height))
        return to_predictions(moved, self._truth.images[index].id, self._categories)
