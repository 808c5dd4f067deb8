"""`predict` of every trainer without the model: check flags, number images, write and print predictions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from datasets.coco import Category, Image, Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.map_folder import LIST
from evaluate.run_folder import Run, read_config
from system.console import print_table
from system.errors import InputError, OptionError
from system.files import check_destination, check_file_destination, write_atomic
from system.json_output import report
from training.options import MIN_TILE


def check_predict(out: Path | None, min_score: float | None, maps: Path | None = None) -> None:
    """Raise OptionError if `--out` is a folder or its folder is missing, or `--min-score` is not a score.

    Raises OutputError if `--maps` exists and is not a folder of maps.
    """
    if maps:
        check_destination(maps, overwrite=True, marker=LIST)
    if min_score is not None and not 0 <= min_score < 1:
        raise OptionError(f"--min-score {min_score}", "not a score", "give 0 or more and less than 1")
    if out and not out.parent.is_dir():
        raise OptionError(f"--out {out}", "its folder does not exist", "make it first")
    if out and out.is_dir():
        raise OptionError(f"--out {out}", "is a folder", f"name a file, such as {out / 'found.json'}")
    if out:
        check_file_destination(out)


def check_side(tile: int | None) -> None:
    """Raise OptionError if `--tile` is smaller than any useful square."""
    if tile is not None and tile < MIN_TILE:
        raise OptionError(f"--tile {tile}", f"less than {MIN_TILE} pixels", "give the side of a training image")


def dataset_of(run: Run) -> Dataset | None:
    """The dataset of a run; None if it is missing or incomplete: other images can be predicted without it."""
    try:
        return load_dataset(Path(read_config(run.root).dataset))
    except InputError:
        return None


def write_and_print(
    out: Path | None, images: Sequence[Image], predictions: Sequence[Prediction], categories: Iterable[Category]
) -> None:
    """Write COCO results and the list of images where `out` is given, and print a line for each image."""
    if out:
        write_image_list(out, images)
        write_predictions(out, list(predictions))
    types = {category.id: category.name for category in categories}
    report({"images": list(images), "predictions": list(predictions), "types": types, "file": out})
    print_table(
        "Predictions", ("image", "found", "best score", "types"), prediction_rows(images, predictions, categories)
    )


def prediction_rows(
    images: Sequence[Image], predictions: Iterable[Prediction], categories: Iterable[Category]
) -> list[tuple[str, int, str, str]]:
    """For each image its name, its number of predictions, the best score and the types."""
    names = {category.id: category.name for category in categories}
    of_image: dict[int, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        of_image[prediction.image_id].append(prediction)
    rows = []
    for image in images:
        mine = of_image[image.id]
        best = f"{max(p.score for p in mine):.3f}" if mine else "-"
        rows.append(
            (image.file_name, len(mine), best, ", ".join(sorted({names[p.category_id] for p in mine})) or "-")
        )
    return rows


def number_images(files: Sequence[Path], dataset: Dataset | None) -> list[int]:
    """The id of each file: that of the dataset's image, or 1 to n in the order given.

    They are numbered if a file is not an image of the dataset, or if two of them have the same id in different
    splits.
    """
    if dataset is None:
        return list(range(1, len(files) + 1))
    known = {
        dataset.image_path(image).resolve(): image.id for coco in dataset.splits.values() for image in coco.images
    }
    ids = [known.get(file.resolve()) for file in files]
    in_dataset = [image_id for image_id in ids if image_id is not None]
    return in_dataset if len(set(in_dataset)) == len(files) else list(range(1, len(files) + 1))


def write_image_list(predictions: Path, images: Sequence[Image]) -> None:
    """Write NAME.images.json beside the COCO results NAME.json: id, name and size of each image."""
    write_atomic(predictions.with_suffix(".images.json"), msgspec.json.encode(list(images)) + b"\n")
