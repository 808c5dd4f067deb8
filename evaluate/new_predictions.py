"""Predictions of new images by a run, made by the trainer of the run in a process of its own.

This module knows no trainer: any `train_<task>` that offers `predict RUN IMAGES... --out FILE` works.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.coco import Image, Prediction
from datasets.formats.coco_file import read_predictions
from evaluate.one_type import run_categories
from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import Run, load_run
from system.child_process import module_command, module_environment
from system.errors import DefectlineError
from system.json_file import read_json

MIN_SCORE = 0.001  # lower scores are noise
MAX_NAMED_IMAGES = 1000  # more file names do not fit on a command line
MAX_QUOTED = 300  # characters of a trainer's message


class PredictError(DefectlineError):
    """A trainer could not predict."""

    code = "prediction"


class NamedPredictions(msgspec.Struct, frozen=True):
    """Predictions by image name, the category name of each category id, and the name of the model."""

    by_image: dict[str, list[Prediction]]
    labels: dict[int, str]
    model: str


def predict_with_run(
    root: Path,
    folder: Path,
    names: Sequence[str],
    *,
    min_score: float = MIN_SCORE,
    dataset: Path | None = None,
    maps: Path | None = None,
) -> NamedPredictions:
    """Predict the images `names` of `folder` with the run folder `root`, and read its category names.

    `dataset` is the location of the run's dataset if it was moved. Images without a prediction have no entry.
    Raises InputError if the run or its dataset cannot be read, PredictError if its trainer fails.
    """
    run = load_run(root)
    labels = {c.id: c.name for c in run_categories(run, open_run_dataset(run, dataset))}
    by_image = predict_images(root, folder, names, min_score=min_score, maps=maps)
    return NamedPredictions(by_image, labels, run_name(run))


def predict_images(
    root: Path, folder: Path, names: Sequence[str], *, min_score: float = MIN_SCORE, maps: Path | None = None
) -> dict[str, list[Prediction]]:
    """Predictions of the run folder `root` by image name; `names` are relative to `folder`.

    `maps` is a new folder for the map of each image, by its path. No process is started without images. Raises
    InputError if the run or its predictions cannot be read,
    PredictError if its trainer fails.
    """
    run = load_run(root)
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="defectline-predict-") as temporary:
        out = Path(temporary) / "predictions.json"
        command = module_command(
            f"train_{run.task}", "predict", str(root), *_arguments(folder, names),
            "--out", str(out), "--min-score", str(min_score), *(("--maps", str(maps)) if maps else ()),
        )  # fmt: skip
        errors = None if sys.stderr.isatty() else subprocess.PIPE
        done = subprocess.run(  # noqa: S603
            command, env=module_environment(), stdout=subprocess.DEVNULL, stderr=errors, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr or "see above").strip().splitlines()[-1]
            problem = f"train_{run.task} predict failed ({last[:MAX_QUOTED]})"
            raise PredictError(root, problem, "fix that and try again")
        paths = {i: Path(name).resolve() for i, name in read_image_names(out).items()}
        predictions = read_predictions(out)
    wanted = {(folder / name).resolve(): name for name in names}
    by_image: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        name = wanted.get(paths[prediction.image_id])
        if name is not None:
            by_image.setdefault(name, []).append(prediction)
    return by_image


def run_name(run: Run) -> str:
    """Short name of a run as a model, such as seg/bottle-coco."""
    return f"{run.task}/{run.root.resolve().name}"


def read_image_names(predictions: Path) -> dict[int, str]:
    """File name of each image id, from the list NAME.images.json that `predict` writes beside NAME.json.

    Raises InputError if the list cannot be read.
    """
    return {image.id: image.file_name for image in read_json(predictions.with_suffix(".images.json"), list[Image])}


def _arguments(folder: Path, names: Sequence[str]) -> list[str]:
    # beyond the limit the whole folder is predicted, and other images are dropped
    return [str(folder / name) for name in names] if len(names) <= MAX_NAMED_IMAGES else [str(folder)]
