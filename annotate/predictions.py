"""Predictions for the pictures of a folder: from a COCO results file, or made now by a run's own trainer."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from annotate.pictures import Picture
from datasets.coco import Category, CocoFile, Image, Prediction, read_coco, read_predictions
from datasets.errors import DefectlineError, InputError, OptionError
from datasets.folder import annotation_path, load_dataset
from datasets.runs import Run, load_run, read_config, read_json
from datasets.splits import SPLITS

DEFAULT_MIN_SCORE = 0.25


class PredictError(DefectlineError):
    """A trainer could not predict."""


class Predicted(msgspec.Struct, frozen=True):
    """Predictions by picture name, the names of their categories, and what made them."""

    by_picture: dict[str, list[Prediction]]
    labels: dict[int, str]
    model: str


class _OperatingPoint(msgspec.Struct, frozen=True):
    score_threshold: float


class _Metrics(msgspec.Struct, frozen=True):
    operating_point: _OperatingPoint


def predict_with_run(root: Path, folder: Path, pictures: Sequence[Picture], least: float = 0.001) -> Predicted:
    """Predictions of the run `root` for the pictures of `folder`, by the trainer that made it, as a process.

    So this room knows no trainer: any that offers `predict RUN IMAGES... --out FILE` will do. Raises InputError,
    PredictError.
    """
    run = load_run(root)
    labels = {c.id: c.name for c in run_categories(run)}
    with tempfile.TemporaryDirectory(prefix="defectline-predict-") as temporary:
        out = Path(temporary) / "predictions.json"
        command = [
            sys.executable, "-m", f"train_{run.kind}", "predict", str(root), str(folder), "--out", str(out),
            "--min-score", str(least),
        ]  # fmt: skip
        heard = None if sys.stderr.isatty() else subprocess.PIPE
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=heard, text=True, check=False)  # noqa: S603
        if done.returncode:
            said = (done.stderr or "see above").strip().splitlines()[-1]
            raise PredictError(root, f"train_{run.kind} predict failed ({said[:300]})", "mend that and try again")
        names = picture_list(out.with_suffix(".images.json"))
        found = read_predictions(out)
    return Predicted(by_picture(pictures, names, found, root), labels, f"{run.kind}/{root.resolve().name}")


def read_predicted(path: Path, coco: Path | None, pictures: Sequence[Picture]) -> Predicted:
    """Predictions of a COCO results file. Raises InputError, and OptionError where `coco` is needed and not given.

    `coco` says which id is which image and category; without it that of the run whose predictions these are.
    """
    found = read_predictions(path)
    images, categories = _told(path, coco)
    names = {image.id: image.file_name for image in images}
    labels = {c.id: c.name for c in categories}
    for prediction in found:
        if prediction.category_id not in labels:
            raise InputError(
                path, f"category_id {prediction.category_id} is unknown", "give its names with --coco"
            )
    return Predicted(by_picture(pictures, names, found, path), labels, path.stem)


def operating_score(run: Path) -> float:
    """The score threshold that the run was measured with, 0.25 where it was not. Raises InputError."""
    path = Run(run, "").metrics
    if not path.is_file():
        return DEFAULT_MIN_SCORE
    return read_json(path, _Metrics).operating_point.score_threshold


def run_categories(run: Run) -> list[Category]:
    """Categories of the dataset that a run was trained on. Raises InputError where it is gone."""
    path = Path(read_config(run.root).dataset)
    if not path.is_dir():
        raise InputError(path, f"the dataset of {run.root} is not there", "put it back, it names the defect types")
    return load_dataset(path).categories


def by_picture(
    pictures: Sequence[Picture], names: Mapping[int, str], predictions: Sequence[Prediction], source: Path
) -> dict[str, list[Prediction]]:
    """Predictions by picture name; `names` is image id -> file name.

    A file name fits a picture if it is its path, absolute or relative to the folder, or, where only one picture of
    the folder has it, its last part. Raises InputError for an id without a name, and where no prediction belongs
    to the folder.
    """
    known = {picture.name: picture.name for picture in pictures}
    known |= {str(picture.path.resolve()): picture.name for picture in pictures}
    seen: dict[str, list[str]] = {}
    for picture in pictures:
        seen.setdefault(picture.path.name, []).append(picture.name)
    by_base = {base: where[0] for base, where in seen.items() if len(where) == 1}
    found: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        file_name = names.get(prediction.image_id)
        if file_name is None:
            raise InputError(source, f"image_id {prediction.image_id} has no name", "give its images with --coco")
        name = (
            known.get(str(Path(file_name).resolve())) or known.get(file_name) or by_base.get(Path(file_name).name)
        )
        if name is not None:
            found.setdefault(name, []).append(prediction)
    if predictions and not found:
        raise InputError(source, "none of its images is in the folder", "name the folder that was predicted")
    return found


def picture_list(path: Path) -> dict[int, str]:
    """File name of each image id, from the list beside the predictions of `predict`. Raises InputError."""
    return {image.id: image.file_name for image in read_json(path, list[Image])}


def _told(path: Path, coco: Path | None) -> tuple[Sequence[Image], Sequence[Category]]:
    if coco is not None:
        if coco.is_dir():
            dataset = load_dataset(coco)
            return [image for split in dataset.splits.values() for image in split.images], dataset.categories
        file: CocoFile = read_coco(coco)
        return file.images, file.categories
    root = path.parent.parent
    if path.parent.name == "predictions" and (root / "config.yaml").is_file():
        run = load_run(root)
        split = path.stem if path.stem in SPLITS else "test"
        told = read_coco(annotation_path(Path(read_config(run.root).dataset), split))
        return told.images, told.categories
    raise OptionError(
        f"--predictions {path}", "does not say which image and category an id is", "give --coco FILE or DATASET"
    )
