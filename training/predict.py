"""What `predict` of every trainer does around its model: check what is asked, write what is found, print it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from datasets.coco import Category, Image, Prediction, write_predictions
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.pictures import write_picture_list
from evaluate.run_folder import Run, read_config
from system.console import print_table
from system.errors import InputError, OptionError


def check_predict(out: Path | None, min_score: float | None) -> None:
    """Raise OptionError where `--out` lies in no folder or is one, or `--min-score` is no score."""
    if min_score is not None and not 0 <= min_score < 1:
        raise OptionError(f"--min-score {min_score}", "not a score", "give 0 or more and less than 1")
    if out and not out.parent.is_dir():
        raise OptionError(f"--out {out}", "its folder does not exist", "make it first")
    if out and out.is_dir():
        raise OptionError(f"--out {out}", "is a folder", f"name a file, such as {out / 'found.json'}")


def dataset_of(run: Run) -> Dataset | None:
    """The dataset that a run was made on, where it still lies there and is whole: other pictures need none."""
    try:
        return load_dataset(Path(read_config(run.root).dataset))
    except InputError:
        return None


def give_predictions(
    out: Path | None, images: Sequence[Image], found: Sequence[Prediction], categories: Iterable[Category]
) -> None:
    """Write COCO results and the list of pictures where `out` is given, and print a line for each picture."""
    if out:
        write_picture_list(out, images)
        write_predictions(out, list(found))
    print_table(
        "Predictions", ("image", "found", "best score", "types"), prediction_rows(images, found, categories)
    )


def prediction_rows(
    images: Sequence[Image], found: Iterable[Prediction], categories: Iterable[Category]
) -> list[tuple[str, int, str, str]]:
    """For each image its name, how many predictions it has, the best score and the types."""
    names = {category.id: category.name for category in categories}
    of_image: dict[int, list[Prediction]] = defaultdict(list)
    for prediction in found:
        of_image[prediction.image_id].append(prediction)
    rows = []
    for image in images:
        mine = of_image[image.id]
        best = f"{max(p.score for p in mine):.3f}" if mine else "-"
        rows.append(
            (image.file_name, len(mine), best, ", ".join(sorted({names[p.category_id] for p in mine})) or "-")
        )
    return rows
