"""What is to be shown: images with their truth and the predictions of up to two runs, as plain values."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.coco import SPLITS, Annotation, Category, CocoFile, Image, Prediction
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.cells import Table
from evaluate.metrics import read_metrics
from evaluate.run_folder import Run, RunSplit, load_run, read_config
from evaluate.tables import metrics_tables
from evaluate.truth import checked_predictions, run_truth
from evaluate.values import OperatingPoint
from system.errors import InputError, OptionError
from system.json_file import read_json


class Model(msgspec.Struct, frozen=True):
    """A run whose predictions are shown; without a metrics.json it has no operating point.

    Of a cross-validation each fold has an operating point of its own: `fold_thresholds`, that of fold 1 first.
    `propose` are the options by which `annotate propose` finds the predictions. `tables` show metrics.json.
    """

    name: str
    task: str
    root: Path
    point: OperatingPoint | None = None
    fold_thresholds: list[float] = []
    propose: list[str] = []
    tables: list[Table] = []

    @property
    def threshold(self) -> float | None:
        """Score threshold of the operating point."""
        return self.point.score_threshold if self.point else None


class Picture(msgspec.Struct, frozen=True):
    """One image; `predictions` and `folds` have one entry per model."""

    image: Image
    path: Path
    split: str
    truths: list[Annotation]
    predictions: list[list[Prediction]]
    folds: list[int | None] = []


class Scene(msgspec.Struct, frozen=True):
    """Everything on one page; `pictures` in order of file name."""

    title: str
    dataset: str
    folder: Path
    split: str
    categories: list[Category]
    models: list[Model]
    pictures: list[Picture]
    has_truth: bool = True


def dataset_scene(root: Path, split: str) -> Scene:
    """The truth of a dataset folder; `split` is one of its splits or `all`. Raises InputError."""
    dataset = load_dataset(root)
    chosen = [s for s in SPLITS if s in dataset.splits] if split == "all" else [split]
    pictures = []
    for name in chosen:
        coco = dataset.split(name) if split != "all" else dataset.splits[name]
        truths = coco.by_image()
        pictures += [Picture(i, dataset.image_path(i), name, truths[i.id], []) for i in coco.images]
    pictures.sort(key=lambda p: p.image.file_name)
    return Scene(dataset.name, dataset.name, root / "images", split, dataset.categories, [], pictures)


def run_scene(roots: Sequence[Path], split: str, dataset_root: Path | None = None) -> Scene:
    """One or two runs over the images of their `split`. Raises InputError where they do not belong together."""
    runs = [load_run(root) for root in roots]
    dataset = load_dataset(dataset_root or run_dataset(runs[0]))
    truths = [_truth(run, dataset, split) for run in runs]
    listed = [{image.file_name: image for image in truth.images} for truth in truths]
    shared = sorted(set(listed[0]).intersection(*listed[1:]))
    if not shared:
        raise InputError(
            roots[-1], f"no image of its split {split} is in that of {roots[0]}", "compare runs on one dataset"
        )
    homes = {image.file_name: name for name, coco in dataset.splits.items() for image in coco.images}
    annotations = truths[0].by_image()
    predicted = [_by_image(run, truth, split) for run, truth in zip(runs, truths, strict=True)]
    folds = [fold_of_images(run) for run in runs]
    pictures = []
    for file_name in shared:
        image = listed[0][file_name]
        found = [by_image.get(image.id, []) for by_image in predicted]
        path = dataset.image_path(image)
        tested = [by_name.get(file_name) for by_name in folds]
        pictures.append(Picture(image, path, homes[file_name], annotations[image.id], found, tested))
    names = short_names(roots)
    moved = ["--coco", str(dataset_root)] if dataset_root else []
    models = [
        model_of(run, name, ["--predictions", str(run.predictions(split)), *moved])
        for run, name in zip(runs, names, strict=True)
    ]
    title = " and ".join(names)
    return Scene(title, dataset.name, dataset.root / "images", split, dataset.categories, models, pictures)


def model_of(run: Run, name: str, propose: list[str]) -> Model:
    """The run as a model, with the operating point of its metrics.json if there is one. Raises InputError."""
    if not run.metrics.is_file():
        return Model(name, run.task, run.root, propose=propose)
    metrics = read_metrics(run.metrics)
    own = metrics.folds.score_thresholds if metrics.folds else []
    return Model(name, run.task, run.root, metrics.operating_point, own, propose, list(metrics_tables(metrics)))


def fold_of_images(run: Run) -> dict[str, int]:
    """Which fold of a cross-validation tested each file name, from 1; empty for a single training.

    Fold k is the run folder `fold-k` inside the run.
    """
    found = [(re.fullmatch(r"fold-(\d+)", path.parent.name), path) for path in run.root.glob("fold-*/split.json")]
    return {
        name: int(match[1])
        for match, path in found if match
        for name in read_json(path, RunSplit).images.get("test", [])
    }  # fmt: skip


def run_dataset(run: Run) -> Path:
    """The dataset folder a run was made on. Raises InputError where it is gone."""
    path = Path(read_config(run.root).dataset)
    if not path.is_dir():
        raise InputError(run.config, f"its dataset {path} is not there", "name where it is now with --dataset DIR")
    return path


def _truth(run: Run, dataset: Dataset, split: str) -> CocoFile:
    truth = run_truth(run, dataset).get(split)
    if truth is None or not truth.images:
        raise OptionError(f"--split {split}", f"{run.root} has no predictions for it", "give val or test")
    return truth


def _by_image(run: Run, truth: CocoFile, split: str) -> dict[int, list[Prediction]]:
    found: dict[int, list[Prediction]] = {}
    for prediction in checked_predictions(run.predictions(split), truth, run.provides):
        found.setdefault(prediction.image_id, []).append(prediction)
    return found


def short_names(roots: Sequence[Path]) -> list[str]:
    """The last parts of each path, as many as tell them apart, at least two."""
    for parts in range(2, 6):
        names = ["/".join(root.resolve().parts[-parts:]) for root in roots]
        if len(set(names)) == len(names):
            break
    return names
