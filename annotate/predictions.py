"""Predictions for the pictures of a folder: from a COCO results file, or made now by a run's own trainer."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from annotate.pictures import Picture
from datasets.coco import Category, CocoFile, Image, Prediction
from datasets.formats.coco_file import read_coco, read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import Run, load_run, read_config
from system.errors import DefectlineError, InputError, OptionError
from system.json_file import read_json

DEFAULT_MIN_SCORE = 0.25
LEAST_SCORE = 0.001
MOST_NAMED = 1000


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


def predict_with_run(
    root: Path, pictures: Sequence[Picture], least: float = LEAST_SCORE, dataset: Path | None = None
) -> Predicted:
    """Predictions of the run `root` with the names of its defect types, which its dataset has.

    `dataset` is where that is now, if it was moved. Raises InputError, PredictError.
    """
    run = load_run(root)
    labels = {c.id: c.name for c in run_categories(run, dataset)}
    return Predicted(predict_pictures(root, pictures, least), labels, run_name(run))


def predict_pictures(
    root: Path, pictures: Sequence[Picture], least: float = LEAST_SCORE
) -> dict[str, list[Prediction]]:
    """Predictions of the run `root` by picture name, made by the trainer that made the run, as a process.

    So this room knows no trainer: any that offers `predict RUN IMAGES... --out FILE` will do. Raises InputError,
    PredictError.
    """
    run = load_run(root)
    if not pictures:
        return {}
    with tempfile.TemporaryDirectory(prefix="defectline-predict-") as temporary:
        out = Path(temporary) / "predictions.json"
        command = [
            sys.executable, "-m", f"train_{run.task}", "predict", str(root), *_named(pictures), "--out", str(out),
            "--min-score", str(least),
        ]  # fmt: skip
        heard = None if sys.stderr.isatty() else subprocess.PIPE
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=heard, text=True, check=False)  # noqa: S603
        if done.returncode:
            said = (done.stderr or "see above").strip().splitlines()[-1]
            raise PredictError(root, f"train_{run.task} predict failed ({said[:300]})", "mend that and try again")
        paths = {i: Path(name).resolve() for i, name in picture_list(out.with_suffix(".images.json")).items()}
        predictions = read_predictions(out)
    names = {picture.path.resolve(): picture.name for picture in pictures}
    found: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        if paths[prediction.image_id] in names:
            found.setdefault(names[paths[prediction.image_id]], []).append(prediction)
    return found


def run_name(run: Run) -> str:
    """What proposals of a run say about where they come from, as seg/bottle-coco."""
    return f"{run.task}/{run.root.resolve().name}"


def _named(pictures: Sequence[Picture]) -> list[str]:
    # thousands of names do not fit on a command line; what else is in the folder is predicted in vain then
    return [str(p.path) for p in pictures] if len(pictures) <= MOST_NAMED else [str(pictures[0].root)]


def read_predicted(path: Path, coco: Path | None, pictures: Sequence[Picture]) -> Predicted:
    """Predictions of a COCO results file. Raises InputError, and OptionError where `coco` is needed and not given.

    `coco` says which id is which image and category; without it that of the run whose predictions these are.
    """
    found = read_predictions(path)
    told = _told(path, coco)
    names = {image.id: image.file_name for image in told.images}
    for prediction in found:
        if prediction.category_id not in told.labels:
            raise InputError(
                path, f"category_id {prediction.category_id} is unknown", "give its names with --coco"
            )
    return Predicted(by_picture(pictures, names, found, path), told.labels, told.model)


def operating_score(run: Path) -> float:
    """The score threshold that the run was measured with, 0.25 where it was not. Raises InputError."""
    path = Run(run, "").metrics
    if not path.is_file():
        return DEFAULT_MIN_SCORE
    return read_json(path, _Metrics).operating_point.score_threshold


def run_categories(run: Run, dataset: Path | None = None) -> list[Category]:
    """Categories of the dataset that a run was trained on. Raises InputError where it is gone."""
    if dataset is not None:
        return load_dataset(dataset).categories
    path = Path(read_config(run.root).dataset)
    if not path.is_dir():
        raise InputError(
            run.root,
            f"its dataset {path}, which names the defect types, is not there",
            "say where with --dataset DIR",
        )
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


class _Told(msgspec.Struct, frozen=True):
    images: Sequence[Image]
    labels: dict[int, str]
    model: str


def _told(path: Path, coco: Path | None) -> _Told:
    """What the ids in the results `path` mean; those of a run in its own folder are of the run's dataset."""
    root = path.parent.parent
    run = load_run(root) if path.parent.name == "predictions" and (root / "config.yaml").is_file() else None
    model = run_name(run) if run else path.stem
    source = coco or _dataset_of(run, path)
    if source.is_dir():
        data = load_dataset(source)
        # a cross-validation tests images of every split
        images = [image for split in data.splits.values() for image in split.images]
        return _Told(images, {c.id: c.name for c in data.categories}, model)
    file: CocoFile = read_coco(source)
    return _Told(file.images, {c.id: c.name for c in file.categories}, model)


def _dataset_of(run: Run | None, path: Path) -> Path:
    if run is None:
        problem = "does not say which image and category an id is"
        raise OptionError(f"--predictions {path}", problem, "give --coco FILE or DATASET")
    dataset = Path(read_config(run.root).dataset)
    if not dataset.is_dir():
        raise InputError(run.root, f"its dataset {dataset} is not there", "say where with --coco DATASET")
    return dataset
