"""What a run loses when its network is computed otherwise: its numbers on the images that did not train it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from datasets.coco import CocoFile
from datasets.formats.dataset_folder import Dataset
from evaluate.average_precision import BOXES, MASKS
from evaluate.bootstrap import draw_images
from evaluate.image_types import ACCURACY
from evaluate.images import IMAGES
from evaluate.metric import Metric, Tested
from evaluate.one_type import as_one_type, types_by_image
from evaluate.operating import operating_scores
from evaluate.pixels import PIXELS
from evaluate.run_folder import Run
from evaluate.type_of_image import image_answers
from evaluate.type_thresholds import counted_predictions
from system.console import progress
from system.errors import InputError
from training.run_dataset import run_dataset
from training.same_types import check_same_types
from training.trainer import Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIGHER_IS_BETTER = ("boxes AP", "masks AP", "defect Dice", "accuracy", "image AUROC")


class HeldOut:
    """The val and test images of `run`, as the run sees them, with their truth.

    Raises InputError if there is none, or `dataset` is not that of the run.
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        self.run = run
        self.dataset = run_dataset(run, dataset)
        self.truth = _joined(self.dataset)
        if not self.truth.images:
            raise InputError(
                dataset.root, "has no val or test image to measure the export on", "export with --precision 32"
            )
        self.truth = self.truth if run.provides.types else as_one_type(self.truth)

    def numbers(self, predictor: Predictor, label: str) -> dict[str, float]:
        """AP, Dice, accuracy and AUROC where they exist, and the numbers of images missed and of false alarms.

        Counts are those at the operating point of the run, with a threshold of each type if it has such.
        """
        check_same_types(self.run, self.dataset, predictor)
        predictions = [p for found in predictor.predict(self._pixels(label)) for p in found]
        point = operating_scores(self.run, predictor.default_score)
        answers = image_answers(predictions, self.run.provides)
        tested = Tested(
            truth=self.truth,
            predictions=predictions,
            counted=counted_predictions(answers, point, self.truth.names()),
            point=point,
            provides=self.run.provides,
            draws=draw_images(len(self.truth.images), 0, 1),
            types=types_by_image(self.truth),
        )
        images = IMAGES.measure(tested)
        found: dict[str, float | None] = {"missed": images.missed, "false alarms": images.false_alarms}
        found["accuracy"] = ACCURACY.measure(tested)
        metrics: tuple[Metric[Any], ...] = (BOXES, MASKS, PIXELS, IMAGES)
        for metric in metrics:
            value = metric.measure(tested)
            numbers = {} if value is None else metric.fold_numbers(value)
            found |= {name: numbers[name] for name in HIGHER_IS_BETTER if name in numbers}
        return {name: float(value) for name, value in found.items() if value is not None and np.isfinite(value)}

    def _pixels(self, label: str) -> "Iterator[tuple[int, NDArray[np.uint8]]]":
        for image in progress(self.truth.images, f"predicting {label}", len(self.truth.images)):
            yield image.id, self.dataset.read_image(image)


def losses(original: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """How much worse `other` is, by number: more than 0 is worse, of counts too. A number that is gone is lost."""
    return {
        name: value - other.get(name, 0.0) if name in HIGHER_IS_BETTER else other.get(name, np.inf) - value
        for name, value in original.items()
    }


def _joined(dataset: Dataset) -> CocoFile:
    """Val and test as one, with new ids."""
    joined = CocoFile([], [], dataset.categories)
    for split in ("val", "test"):
        coco = dataset.splits.get(split)
        ids: dict[int, int] = {}
        for image in coco.images if coco else []:
            ids[image.id] = len(joined.images) + 1
            joined.images.append(msgspec.structs.replace(image, id=ids[image.id]))
        for annotation in coco.annotations if coco else []:
            number, image_id = len(joined.annotations) + 1, ids[annotation.image_id]
            joined.annotations.append(msgspec.structs.replace(annotation, id=number, image_id=image_id))
    return joined
