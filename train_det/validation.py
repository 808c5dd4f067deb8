"""What an epoch is worth: loss and COCO AP of the averaged weights on the val split."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader

from datasets.coco import CocoFile, Prediction
from datasets.formats.dataset_folder import Dataset
from evaluate.coco_eval import coco_eval
from train_det.augment import letterbox_matrix
from train_det.data import Sample, TrainingImages, collate, on_device, read_samples
from train_det.infer import Detection, boxes_in_squares, to_image_pixels, to_predictions
from train_det.options import FitOptions

STATS = {"AP": 0, "AP50": 1, "AP75": 2}


class Validation:
    """Measures models on the val split of `dataset`; `monitor` is what the best epoch is chosen by."""

    def __init__(self, dataset: Dataset, options: FitOptions) -> None:
        self._truth = dataset.splits.get("val") or CocoFile([], [], dataset.categories)
        self._categories = dataset.categories
        self._how = Detection(side=options.imgsz)
        self._samples = read_samples(dataset, self._truth.images, self._truth.by_image())
        self._images = TrainingImages(self._samples, options.imgsz, None, options.seed)
        self.monitor = options.monitor if self._truth.annotations else "last"

    def __call__(self, model: nn.Module) -> tuple[dict[str, float], float]:
        """The numbers of `model` for the history, and the one to choose by: the larger the better."""
        if not self._truth.annotations:
            return {}, 0.0
        with torch.inference_mode():
            losses, predictions = self._measure(model)
        stats = coco_eval(self._truth, predictions, "bbox").stats
        metrics = {"val_loss": float(np.mean(losses)), **{n: float(max(0.0, stats[i])) for n, i in STATS.items()}}
        chosen = {"last": 0.0, "loss": -metrics["val_loss"], **metrics}
        return metrics, chosen[self.monitor]

    def _measure(self, model: nn.Module) -> tuple[list[float], list[Prediction]]:
        device = next(model.parameters()).device
        losses: list[float] = []
        predictions: list[Prediction] = []
        loader = DataLoader(self._images, self._how.batch, collate_fn=collate)
        for number, items in enumerate(loader):
            batch = on_device(items, device)
            output = model(batch["img"])
            _, parts = model.loss(batch, output)  # type: ignore[operator]
            losses += [float(sum(parts.values()))] * len(batch["img"])
            for i, boxes in enumerate(boxes_in_squares(output[0].float(), self._how), number * self._how.batch):
                predictions += self._predictions(i, boxes.double().cpu().numpy())
        return losses, predictions

    def _predictions(self, index: int, boxes: NDArray[np.float64]) -> list[Prediction]:
        sample: Sample = self._samples[index]
        matrix = letterbox_matrix(sample.width, sample.height, self._how.side)
        moved = to_image_pixels(boxes, matrix, (sample.width, sample.height))
        return to_predictions(moved, self._truth.images[index].id, self._categories)
