"""The content of a page: images with their truth and the predictions of up to two runs, as plain values."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import SPLITS, Annotation, Category, CocoFile, Image, Prediction
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.images.bit_depth import IntensityRange
from datasets.images.pixels import read_rgb
from evaluate.cells import Table
from evaluate.map_folder import MapKind
from evaluate.metrics import read_metrics
from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import Run, RunSplit, check_own_predictions, load_run
from evaluate.tables import metrics_tables
from evaluate.truth import checked_predictions, run_truth
from evaluate.type_of_image import type_of_image
from evaluate.values import OperatingPoint
from system.errors import InputError, OptionError
from system.json_file import read_json
from view.suspects import suspects_by_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_NAME_PARTS = 5  # of the path of a run, at most


class Model(msgspec.Struct, frozen=True):
    """A run whose predictions are shown; without a metrics.json it has no operating point and no tables.

    `fold_thresholds` are the score thresholds of the folds of a cross-validation, fold 1 first, else empty.
    `propose` are the options with which `annotate propose` uses the same predictions. `map_range` are the values
    of its maps at which the colours start and end. With `from_map`, the score of a prediction is the highest value
    of the map in its region.
    """

    name: str
    root: Path
    point: OperatingPoint | None = None
    fold_thresholds: list[float] = []
    propose: list[str] = []
    tables: list[Table] = []
    map_kind: MapKind | None = None
    map_range: tuple[float, float] = (0.0, 1.0)
    from_map: bool = False

    @property
    def map_threshold(self) -> float | None:
        """Value of its maps from which it finds a defect; None if its predictions do not come from the map."""
        return self.threshold if self.from_map and self.map_kind else None

    @property
    def threshold(self) -> float | None:
        """Score threshold of the operating point."""
        return self.point.score_threshold if self.point else None


class SceneImage(msgspec.Struct, frozen=True):
    """An image with its truth; `predictions` and `folds` have one entry per model.

    The fold is the one that tested the image in a cross-validation, from 1, else None. `intensities` are the
    ranges by which the dataset or the run scales images with more than 8 bits per channel. `maps` are the files of
    its maps, one per model, empty without any. `suspects` are the reasons why labels of the image are
    suspected to be wrong.
    """

    image: Image
    path: Path
    split: str
    truths: list[Annotation]
    predictions: list[list[Prediction]]
    folds: list[int | None] = []
    intensities: list[IntensityRange] = []
    maps: list[Path | None] = []
    suspects: list[str] = []

    def read(self) -> "NDArray[np.uint8]":
        """The pixels, H x W x 3 uint8 RGB. Raises InputError if the image cannot be read."""
        return read_rgb(self.path, self.intensities)


class Scene(msgspec.Struct, frozen=True):
    """Everything on one page: `images`, sorted by file name, which is relative to `folder`."""

    title: str
    dataset: str
    folder: Path
    split: str
    categories: list[Category]
    models: list[Model]
    images: list[SceneImage]
    has_truth: bool = True


def dataset_scene(root: Path, split: str) -> Scene:
    """The truth of the dataset folder `root`; `split` is one of its splits or `all`.

    Raises InputError if the dataset cannot be read, OptionError if it has no such split.
    """
    dataset = load_dataset(root)
    chosen = [s for s in SPLITS if s in dataset.splits] if split == "all" else [split]
    images = []
    for name in chosen:
        coco = dataset.split(name) if split != "all" else dataset.splits[name]
        truths = coco.by_image()
        images += [
            SceneImage(i, dataset.image_path(i), name, truths[i.id], [], intensities=dataset.intensities)
            for i in coco.images
        ]
    images.sort(key=lambda shown: shown.image.file_name)
    return Scene(dataset.name, dataset.name, root / "images", split, dataset.categories, [], images)


def run_scene(roots: Sequence[Path], split: str, dataset_root: Path | None = None) -> Scene:
    """One or two runs on the images of `split`, val or test; for two runs, the images that both tested.

    `dataset_root` is the location of the dataset, if it was moved. Raises InputError if a run or the dataset
    cannot be read or if two runs share no image, OptionError if a run has no prediction for the split.
    """
    runs = [load_run(root) for root in roots]
    for run in runs:
        check_own_predictions(run)
    dataset = open_run_dataset(runs[0], dataset_root)
    truths = [_truth(run, dataset, split) for run in runs]
    listed = [{image.file_name: image for image in truth.images} for truth in truths]
    shared = sorted(set(listed[0]).intersection(*listed[1:]))
    if not shared:
        problem = f"no image of its split {split} is in that of {roots[0]}"
        raise InputError(roots[-1], problem, "compare runs on one dataset")
    split_of = {image.file_name: name for name, coco in dataset.splits.items() for image in coco.images}
    types_only = all(run.provides.image_types for run in runs)
    several = any(run.provides.several_types for run in runs)
    annotations = types_as_boxes(truths[0], several=several) if types_only else truths[0].by_image()
    predictions = [_by_image(run, truth, split) for run, truth in zip(runs, truths, strict=True)]
    folds = [fold_of_images(run) for run in runs]
    suspects = suspects_by_image(runs)
    images = []
    for name in shared:
        image = listed[0][name]
        ids = [images_of[name].id for images_of in listed]
        of_image = [by_image.get(number, []) for by_image, number in zip(predictions, ids, strict=True)]
        tested = [fold_of.get(name) for fold_of in folds]
        truth, path = annotations[image.id], dataset.image_path(image)
        reasons, ranges = suspects.get(name, []), dataset.intensities
        images.append(SceneImage(image, path, split_of[name], truth, of_image, tested, ranges, suspects=reasons))
    names = short_names(roots)
    moved = ["--coco", str(dataset_root)] if dataset_root else []
    models = [
        model_of(run, name, ["--predictions", str(run.predictions(split)), *moved])
        for run, name in zip(runs, names, strict=True)
    ]
    folder = dataset.root / "images"
    categories = list({c.id: c for truth in truths for c in truth.categories}.values())
    return Scene(" and ".join(names), dataset.name, folder, split, categories, models, images)


def types_as_boxes(truth: CocoFile, *, several: bool = False) -> dict[int, list[Annotation]]:
    """Annotations of each image id for a classifier: one, with the type of the image and the whole image as box.

    With `several` there is one of each type that an image has. The predictions of a classifier also have the whole
    image as box, so exactly those of the right type match. A good image has no annotation; an image with only
    ignore regions keeps them.
    """
    found = truth.by_image()
    for image in truth.images:
        largest = type_of_image(found[image.id])
        if largest is not None:
            every = sorted({a.category_id for a in found[image.id] if not a.iscrowd}) if several else [largest]
            whole, area = (0, 0, image.width, image.height), image.width * image.height
            found[image.id] = [Annotation(image.id, image.id, category, whole, area) for category in every]
    return found


def model_of(run: Run, name: str, propose: list[str]) -> Model:
    """The run as a model, with the values of its metrics.json, if there is one.

    Raises InputError if metrics.json cannot be read.
    """
    from_map = run.provides.score_maps and not run.provides.types
    if not run.metrics.is_file():
        return Model(name, run.root, propose=propose, from_map=from_map)
    metrics = read_metrics(run.metrics)
    fold_thresholds = metrics.folds.score_thresholds if metrics.folds else []
    tables = list(metrics_tables(metrics))
    return Model(name, run.root, metrics.operating_point, fold_thresholds, propose, tables, from_map=from_map)


def fold_of_images(run: Run) -> dict[str, int]:
    """The fold of a cross-validation that tested each file name, from 1; empty for a single training.

    Fold k is the run folder `fold-k` inside the run. Raises InputError if its split.json cannot be read.
    """
    paths = [(re.fullmatch(r"fold-(\d+)", path.parent.name), path) for path in run.root.glob("fold-*/split.json")]
    return {
        name: int(match[1])
        for match, path in paths if match
        for name in read_json(path, RunSplit).images.get("test", [])
    }  # fmt: skip


def short_names(roots: Sequence[Path]) -> list[str]:
    """The last parts of each path: two, or more if the names would otherwise be equal."""
    for parts in range(2, MAX_NAME_PARTS + 1):
        names = ["/".join(root.resolve().parts[-parts:]) for root in roots]
        if len(set(names)) == len(names):
            break
    return names


def _truth(run: Run, dataset: Dataset, split: str) -> CocoFile:
    truth = run_truth(run, dataset).get(split)
    if truth is None or not truth.images:
        raise OptionError(f"--split {split}", f"{run.root} has no predictions for it", "give val or test")
    return truth


def _by_image(run: Run, truth: CocoFile, split: str) -> dict[int, list[Prediction]]:
    by_image: dict[int, list[Prediction]] = {}
    for prediction in checked_predictions(run.predictions(split), truth, run.provides):
        by_image.setdefault(prediction.image_id, []).append(prediction)
    return by_image
