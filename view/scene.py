"""The content of a page: images with their truth and the predictions of its runs, as plain values."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.coco import SPLITS, Annotation, Category, CocoFile, Image, Prediction
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.images.bit_depth import IntensityRange
from datasets.images.pixels import read_rgb
from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import Provides, Run, check_own_predictions, load_run
from evaluate.truth import checked_predictions, corrections_since, run_truth
from evaluate.type_of_image import type_of_image
from system.errors import InputError, OptionError
from system.links import check_inside
from view.differences import PairDifferences, pair_differences
from view.shown_run import Model, fold_of_images, model_of, short_names
from view.suspects import suspects_by_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Judging = Literal["defects", "types", "images"]


class SceneImage(msgspec.Struct, frozen=True):
    """An image with its truth; `predictions` and `folds` have one entry per model.

    The fold is the one that tested the image in a cross-validation, from 1, else None. `intensities` are the
    ranges by which the dataset or the run scales images with more than 8 bits per channel. `maps` are the files of
    its maps, one per model, empty without any. `shapes` are the annotations to draw, if `truths` are not these.
    `suspects` are the reasons why labels of the image are suspected to be wrong.
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
    shapes: list[Annotation] = []

    def read(self) -> "NDArray[np.uint8]":
        """The pixels, H x W x 3 uint8 RGB. Raises InputError if the image cannot be read."""
        return read_rgb(self.path, self.intensities)


class Scene(msgspec.Struct, frozen=True):
    """Everything on one page: `images`, sorted by file name, which is relative to `folder`.

    `judging` states what the page counts: each defect, the type of each image, or, for runs that find different
    things, only whether an image is found defective. `selected` is the number of images from which these were
    chosen, 0 for all.
    """

    title: str
    dataset: str
    folder: Path
    split: str
    categories: list[Category]
    models: list[Model]
    images: list[SceneImage]
    has_truth: bool = True
    judging: Judging = "defects"
    differences: list[PairDifferences] = []
    selected: int = 0


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
            SceneImage(i, shown_path(dataset, i), name, truths[i.id], [], intensities=dataset.intensities)
            for i in coco.images
        ]
    images.sort(key=lambda shown: shown.image.file_name)
    return Scene(dataset.name, dataset.name, root / "images", split, dataset.categories, [], images)


def shown_path(dataset: Dataset, image: Image) -> Path:
    """The file of an image of the dataset, for a page that is passed on.

    Raises InputError if it is, or is in, a link that leads out of the dataset.
    """
    path = dataset.image_path(image)
    if image.file_name not in dataset.elsewhere:
        check_inside(path, [dataset.root])
    return path


def run_scene(roots: Sequence[Path], split: str, dataset_root: Path | None = None) -> Scene:
    """Runs on the images of `split`, val or test; of several runs, the images that all of them tested.

    `dataset_root` is the location of the dataset, if it was moved. Raises InputError if a run or the dataset
    cannot be read or if the runs share no image, OptionError if a run has no prediction for the split.
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
    judging = what_is_judged([run.provides for run in runs])
    several = any(run.provides.several_types for run in runs)
    types_only = all(run.provides.image_types for run in runs)
    typed = next((m for m, run in enumerate(runs) if run.provides.types), 0)
    drawn = truths[typed].by_image()
    annotations = types_as_boxes(truths[typed], several=several) if types_only else drawn
    predictions = [_by_image(run, truth, split) for run, truth in zip(runs, truths, strict=True)]
    folds = [fold_of_images(run) for run in runs]
    suspects = suspects_by_image(runs)
    images = []
    for name in shared:
        image = listed[typed][name]
        ids = [images_of[name].id for images_of in listed]
        of_image = [by_image.get(number, []) for by_image, number in zip(predictions, ids, strict=True)]
        tested = [fold_of.get(name) for fold_of in folds]
        truth, path = annotations[image.id], shown_path(dataset, image)
        reasons, ranges = suspects.get(name, []), dataset.intensities
        shapes = drawn[image.id] if types_only else []
        images.append(
            SceneImage(
                image, path, split, truth, of_image, tested, ranges, suspects=reasons, shapes=shapes
            )
        )  # fmt: skip
    names = short_names(roots)
    moved = ["--coco", str(dataset_root)] if dataset_root else []
    models = [
        model_of(
            run, name, ["--predictions", str(run.predictions(split)), *moved], corrections_since(run, dataset)
        )
        for run, name in zip(runs, names, strict=True)
    ]
    folder = dataset.root / "images"
    categories = list({c.id: c for truth in truths for c in truth.categories}.values())
    differences = pair_differences(runs, dataset) if split == "test" and len(runs) > 1 else []
    return Scene(
        " and ".join(names), dataset.name, folder, split, categories, models, images, judging=judging,
        differences=differences,
    )  # fmt: skip


def what_is_judged(provided: Sequence[Provides]) -> Judging:
    """What a page of runs can count: the most that all of them answer."""
    if len({(one.image_types, one.types) for one in provided}) > 1:
        return "images"
    return "types" if all(one.one_type for one in provided) else "defects"


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


def _truth(run: Run, dataset: Dataset, split: str) -> CocoFile:
    truth = run_truth(run, dataset, corrected=True).get(split)
    if truth is None or not truth.images:
        raise OptionError(f"--split {split}", f"{run.root} has no predictions for it", "give val or test")
    return truth


def _by_image(run: Run, truth: CocoFile, split: str) -> dict[int, list[Prediction]]:
    by_image: dict[int, list[Prediction]] = {}
    for prediction in checked_predictions(run.predictions(split), truth, run.provides):
        by_image.setdefault(prediction.image_id, []).append(prediction)
    return by_image
