"""A whole trainer in one module: it predicts the mean box of each category. docs/new-trainer.md explains it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from datasets.coco import Box, Category, Prediction
from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import TASKS, Provides, Run
from system.files import write_atomic
from system.json_file import read_json
from training.commands import run_trainer
from training.early_stopping import Best
from training.epoch_recorder import EpochRecorder
from training.flags import Flag
from training.options import Rate, SharedOptions, run_options
from training.trainer import Learner, Loop, PredictOptions, Predictor, Trainer, Work

BEST, LAST = "best.json", "last.json"
TASKS["toy"] = Provides(boxes=True)  # a trainer of this project has its line in evaluate/run_folder.py


class ToyOptions(SharedOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options of the toy; `scale` multiplies the sides of the mean boxes."""

    epochs: int = 2
    scale: Rate = 1.0
    precision: Literal["32"] = "32"


class MeanBoxes(msgspec.Struct, frozen=True):
    """The weights: for each category id the boxes seen so far, as shares of the sides of their images."""

    categories: list[Category]
    epoch: int = 0
    boxes: dict[int, list[Box]] = {}
    best: Best = Best()

    def mean(self, category: int) -> NDArray[np.float64]:
        """The mean box of a category."""
        return np.asarray(np.mean(self.boxes[category], axis=0))

    def distance(self, boxes: Sequence[tuple[int, Box]]) -> float:
        """The loss: mean absolute difference of boxes (category id, box) from the mean box of their category."""
        known = [np.abs(self.mean(category) - box) for category, box in boxes if category in self.boxes]
        return float(np.mean(known)) if known else 0.0


def relative_boxes(dataset: Dataset, split: str) -> list[tuple[int, Box]]:
    """Category id and box of each annotation of a split, as shares of the sides of its image."""
    sides = {image.id: (image.width, image.height) for image in dataset.images(split)}
    boxes = []
    for annotation in dataset.splits[split].annotations if sides else []:
        (x, y, w, h), (width, height) = annotation.bbox, sides[annotation.image_id]
        boxes.append((annotation.category_id, (x / width, y / height, w / width, h / height)))
    return boxes


class ToyLoop(Loop):
    """Each epoch sees the next part of the training boxes."""

    def __init__(self, work: Work[ToyOptions]) -> None:
        self.work = work
        self.weights = read_json(work.state, MeanBoxes) if work.state else MeanBoxes(work.dataset.categories)
        self.done, self.best = self.weights.epoch, self.weights.best
        self.train_boxes, self.val_boxes = (relative_boxes(work.dataset, split) for split in ("train", "val"))

    def missing_in_val(self) -> str | None:
        return None if self.val_boxes else "annotation"

    def train(self, recorder: EpochRecorder) -> None:
        folder, epochs = self.work.run.weights, self.work.options.epochs

        def save(name: str) -> None:
            kept = msgspec.structs.replace(self.weights, best=recorder.best)
            write_atomic(folder / name, msgspec.json.encode(kept))

        for epoch in range(self.done + 1, epochs + 1):
            boxes = {category: list(seen) for category, seen in self.weights.boxes.items()}
            for category, box in self.train_boxes[epoch - 1 :: epochs]:
                boxes.setdefault(category, []).append(box)
            self.weights = msgspec.structs.replace(self.weights, epoch=epoch, boxes=boxes)
            row = {"epoch": float(epoch), "train_loss": self.weights.distance(self.train_boxes)}
            monitored = -self.weights.distance(self.val_boxes) if self.val_boxes else None
            recorder.batch()
            if recorder.epoch(row, monitored, lambda: save(BEST), lambda: save(LAST)):
                return


class ToyPredictor(Predictor):
    """Predicts every category in every image, scored by how frequent it is in training."""

    default_score = 0.1

    def __init__(self, weights: MeanBoxes, scale: float) -> None:
        self.weights, self.scale, self.categories = weights, scale, weights.categories

    def predict(
        self, images: Iterable[tuple[int, NDArray[np.uint8]]], min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        total = sum(len(seen) for seen in self.weights.boxes.values())
        for image_id, rgb in images:
            predictions = []
            for category, seen in self.weights.boxes.items():
                x, y, w, h = (self.weights.mean(category) * [*rgb.shape[1::-1] * 2]).tolist()
                box = (x, y, w * self.scale, h * self.scale)
                predictions.append(Prediction(image_id, category, box, len(seen) / total))
            yield [p for p in predictions if p.score >= (min_score or 0.0)]


class ToyLearner(Learner[ToyOptions]):
    """The mean box of each category."""

    state_file: ClassVar[str] = LAST
    shown: ClassVar[Sequence[str]] = ("train_loss",)
    curves: ClassVar[Mapping[str, Sequence[str]]] = {"loss": ("train_loss",)}

    def check_model(self, dataset: Dataset, options: ToyOptions) -> None:
        """There is nothing that could be missing."""

    def epochs_done(self, state: Path) -> int:
        return read_json(state, MeanBoxes).epoch

    def prepare(self, work: Work[ToyOptions]) -> ToyLoop:
        return ToyLoop(work)

    def load(self, run: Run, device: torch.device, options: PredictOptions) -> ToyPredictor:
        return ToyPredictor(read_json(run.weights / BEST, MeanBoxes), run_options(run, ToyOptions).scale)


TRAINER = Trainer(
    task="toy",
    summary="Predict the mean box of each category.",
    options=ToyOptions,
    learner=ToyLearner,
    flags={"scale": Flag("Multiplies the sides of the boxes.", float)},
    module="tests.training.toy_trainer",
)


if __name__ == "__main__":
    run_trainer(TRAINER)
