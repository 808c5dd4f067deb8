"""Predictions for the images of a folder, read from a COCO results file."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from annotate.folder_images import FolderImage
from annotate.match_names import match_names
from datasets.coco import Image, Prediction
from datasets.formats.coco_file import read_coco, read_predictions
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset
from datasets.formats.members import home_splits, select_images, shares_image_ids
from evaluate.new_predictions import NamedPredictions, predict_with_run, run_name
from evaluate.one_type import run_categories
from evaluate.operating import operating_scores
from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import TASKS, Run, load_run, read_split, trainers
from evaluate.type_thresholds import counted_predictions, lowest_threshold
from system.errors import InputError, OptionError


def read_named_predictions(path: Path, coco: Path | None, images: Sequence[FolderImage]) -> NamedPredictions:
    """Read the COCO results file `path` for the images of a folder.

    `coco`, a COCO file or a dataset folder, contains the file name of each image id and the name of each category
    id. Without it, predictions inside a run folder use the dataset of the run. Raises OptionError if `coco` is
    needed but missing. Raises InputError for a file that cannot be read, for an id without a name, and if no
    prediction belongs to an image of the folder.
    """
    names = _read_names(path, coco)
    predictions = read_predictions(path, names.images)
    for prediction in predictions:
        if prediction.category_id not in names.categories:
            raise InputError(
                path, f"unknown category_id {prediction.category_id}", "give the category names with --coco"
            )
    file_names = {image.id: image.file_name for image in names.images}
    return NamedPredictions(
        predictions_by_image(images, file_names, predictions, path, names.known), names.categories, names.model
    )


def predict_counted(
    run: Path, folder: Path, images: Sequence[FolderImage], min_score: float | None, dataset: Path | None
) -> tuple[NamedPredictions, float]:
    """The predictions of `run` for `images` of `folder` of at least `min_score`, and the lowest score that counts.

    Without `min_score`, those that reach the operating point of the run, which may differ between types. Raises as
    predict_with_run.
    """
    names = [image.name for image in images]
    if min_score is not None:
        return predict_with_run(run, folder, names, min_score=min_score, dataset=dataset), min_score
    point = operating_scores(load_run(run))
    lowest = lowest_threshold(point)
    named = predict_with_run(run, folder, names, min_score=lowest, dataset=dataset)
    kept = {name: counted_predictions(of_image, point, named.labels) for name, of_image in named.by_image.items()}
    by_image = {name: counted for name, counted in kept.items() if counted}
    return msgspec.structs.replace(named, by_image=by_image), lowest


def predictions_by_image(
    images: Sequence[FolderImage],
    file_names: Mapping[int, str],
    predictions: Sequence[Prediction],
    source: Path,
    known: Iterable[str] = (),
) -> dict[str, list[Prediction]]:
    """Predictions by image name; `file_names` maps image ids to file names.

    Which image a file name means, match_names decides by `known`, all file names of the dataset, by default those
    of `file_names`. Raises InputError, which names the file `source`, for an id without a file name, and if no
    prediction belongs to an image of the folder.
    """
    matching = match_names(images, {*file_names.values(), *known})
    matched: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        file_name = file_names.get(prediction.image_id)
        if file_name is None:
            raise InputError(source, f"image_id {prediction.image_id} has no name", "give its images with --coco")
        if file_name in matching:
            matched.setdefault(matching[file_name], []).append(prediction)
    if predictions and not matched:
        raise InputError(source, "none of its images is in the folder", "name the folder that was predicted")
    return matched


def check_has_boxes(source: Path) -> None:
    """Raise InputError if `source`, a run or a file in its predictions folder, predicts only types of images.

    Such predictions are COCO results with the whole image as box, which would become a shape around the whole
    image.
    """
    root = source if source.is_dir() else source.parent.parent
    if (root / "config.yaml").is_file():
        run = load_run(root)
        provides = TASKS.get(run.task)
        if provides and not provides.boxes:
            problem = f"a run of train_{run.task} predicts the type of an image and no boxes"
            raise InputError(root, problem, f"name a run of {trainers('boxes')}")


class _Names(msgspec.Struct, frozen=True):
    """The images, the category names by category id, the name of the model, and all file names of the dataset."""

    images: list[Image]
    categories: dict[int, str]
    model: str
    known: list[str] = []


def _read_names(path: Path, coco: Path | None) -> _Names:
    """The meaning of the ids in the results file `path`, from `coco` or else from the dataset of its run."""
    root = path.parent.parent
    run = load_run(root) if path.parent.name == "predictions" and (root / "config.yaml").is_file() else None
    model = run_name(run) if run else path.stem
    if coco is not None and not coco.is_dir():
        file = read_coco(coco)
        return _Names(file.images, {c.id: c.name for c in file.categories}, model)
    if coco is not None:
        dataset = load_dataset(coco)
    elif run is not None:
        dataset = open_run_dataset(run, option="--coco DATASET")
    else:
        problem = "does not name the images and categories of its ids"
        raise OptionError(f"--predictions {path}", problem, "give --coco FILE or DATASET")
    categories = run_categories(run, dataset) if run else dataset.categories
    images = _images_of(run, path, dataset)
    return _Names(images, {c.id: c.name for c in categories}, model, list(home_splits(dataset)))


def _images_of(run: Run | None, path: Path, dataset: Dataset) -> list[Image]:
    """The images of the ids in the results file `path`; in a run, the images of the split that was predicted."""
    names = read_split(run).images.get(path.stem) if run else None
    if names and set(names) <= home_splits(dataset).keys():
        return select_images(dataset, {path.stem: names})[path.stem].images
    if shares_image_ids(dataset):
        problem = f"its splits use the same image ids, and {path} does not state which split they are of"
        file = annotation_path(dataset.root, next(iter(dataset.splits)))
        raise InputError(dataset.root, problem, f"give the file of one split, such as --coco {file}")
    return [image for split in dataset.splits.values() for image in split.images]
