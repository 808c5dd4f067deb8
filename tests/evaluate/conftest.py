"""Small ground truths, predictions and runs to measure, made of rectangles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.coco import Annotation, Box, Category, CocoFile, Image, Prediction, Rle
from datasets.formats.coco_file import write_coco, write_predictions
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset
from datasets.masks.rle import encode
from evaluate.run_folder import Run, RunConfig
from training.new_run import create_run, run_split

SIZE = 40
TYPES = ("chip", "crack", "stain")


class Bench:
    """Builds what a test needs; a rectangle is (x, y, w, h) in an image of 40 x 40 pixels."""

    def mask(self, box: Box) -> Rle:
        x, y, w, h = (int(v) for v in box)
        pixels = np.zeros((SIZE, SIZE), np.uint8)
        pixels[y : y + h, x : x + w] = 1
        return encode(pixels)

    def truth(
        self, *images: Sequence[tuple[int, Box]], types: Sequence[str] = TYPES, masks: bool = True, first: int = 1
    ) -> CocoFile:
        """One image per argument, each a list of (category id, rectangle)."""
        listed = [Image(first + n, f"{first + n:03d}.png", SIZE, SIZE) for n in range(len(images))]
        annotations: list[Annotation] = []
        for image, content in zip(listed, images, strict=True):
            for category_id, box in content:
                number = 100 * first + len(annotations)
                segmentation = self.mask(box) if masks else []
                area = box[2] * box[3]
                annotations.append(Annotation(number, image.id, category_id, box, area, segmentation))
        return CocoFile(listed, annotations, [Category(k, name) for k, name in enumerate(types, 1)])

    def prediction(self, image_id: int, category_id: int, box: Box, score: float) -> Prediction:
        return Prediction(image_id, category_id, box, score, self.mask(box))

    def perfect(self, truth: CocoFile, score: float = 0.9) -> list[Prediction]:
        return [
            Prediction(a.image_id, a.category_id, a.bbox, score, a.segmentation or None)  # type: ignore[arg-type]
            for a in truth.annotations
        ]

    def dataset(self, root: Path, splits: dict[str, CocoFile]) -> Dataset:
        (root / "annotations").mkdir(parents=True)
        (root / "images").mkdir()
        for name, coco in splits.items():
            write_coco(annotation_path(root, name), coco)
            for image in coco.images:
                (root / "images" / image.file_name).touch()
        return load_dataset(root)

    def run(
        self, runs: Path, kind: str, dataset: Dataset, predictions: dict[str, list[Prediction]], **split: Any
    ) -> Run:
        """A run on the dataset's own splits, but for those named in `split`."""
        names = {name: [i.file_name for i in coco.images] for name, coco in dataset.splits.items()} | split
        run = create_run(runs, kind, dataset.name, RunConfig(kind, "somewhere", {}), run_split(dataset, names))
        for name, content in predictions.items():
            write_predictions(run.predictions(name), content)
        return run


@pytest.fixture
def bench() -> Bench:
    return Bench()
