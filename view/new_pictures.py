"""Pictures that are in no dataset: predicted by a run's own command, then shown without truth."""

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from datasets.coco import Image, Prediction, read_predictions
from datasets.errors import InputError
from datasets.folder import load_dataset
from datasets.runs import Run, load_run, read_json
from view.scene import Picture, Scene, model_of, run_dataset, short_names

TRAINERS = {"det": "train_det", "seg": "train_seg"}


def new_pictures_scene(root: Path, folder: Path, dataset_root: Path | None = None) -> Scene:
    """Predict the pictures in `folder` with the run `root`. Raises InputError, SystemExit if that fails."""
    run = load_run(root)
    if run.kind not in TRAINERS:
        raise InputError(run.config, f"kind {run.kind!r} is no trainer", f"known are {', '.join(TRAINERS)}")
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "name a folder of pictures with --images DIR")
    categories = load_dataset(dataset_root or run_dataset(run)).categories
    images, predictions = _predict(run, folder)
    found: dict[int, list[Prediction]] = {image.id: [] for image in images}
    for prediction in predictions:
        found[prediction.image_id].append(prediction)
    pictures = [
        Picture(
            msgspec.structs.replace(image, file_name=_below(Path(image.file_name), folder)),
            Path(image.file_name),
            "",
            [],
            [found[image.id]],
        )
        for image in images
    ]
    pictures.sort(key=lambda p: p.image.file_name)
    name = short_names([root])[0]
    title = f"{name} on {folder.resolve().name}"
    return Scene(
        title, folder.resolve().name, folder, "", categories, [model_of(run, name)], pictures, has_truth=False
    )


def _predict(run: Run, folder: Path) -> tuple[list[Image], list[Prediction]]:
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "found.json"
        # The command and not the library: its errors, its progress and its heavy imports stay its own.
        command = [
            sys.executable,
            "-m",
            TRAINERS[run.kind],
            "predict",
            str(run.root),
            str(folder),
            "--out",
            str(out),
        ]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
        if done.returncode:
            raise SystemExit(done.returncode)
        return read_json(out.with_suffix(".images.json"), list[Image]), read_predictions(out)


def _below(path: Path, folder: Path) -> str:
    return path.resolve().relative_to(folder.resolve()).as_posix()
