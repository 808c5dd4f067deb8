"""Training on crops of large images: the crops of a run, made from its own training and val images."""

import shutil
from pathlib import Path

from datasets.crops import TrainingCrop, describe_crops, is_larger, write_crops
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.formats.made_images import tested_content
from evaluate.run_folder import Run
from system.console import print_status, progress
from system.errors import InputError
from system.json_file import write_json

FOLDER, RECORD = "crops", "crops.json"


def crop_view(run: Run, dataset: Dataset, *, side: int, empty: float, seed: int) -> Dataset:
    """The crops of train and val of `dataset`, as the run sees it; the images of test are in none of them.

    They are written into the folder of the run, `crops.json` records their places. Both are made from the options
    alone, so a run that is resumed has the same ones. Raises InputError, OutputError.
    """
    folder = run.root / FOLDER
    if folder.is_dir():
        return load_dataset(folder)
    splits = [split for split in ("train", "val") if dataset.images(split)]
    crops = write_crops(dataset, folder, side=side, empty=empty, seed=seed, splits=splits, progress=progress)
    _check_apart(dataset, crops, run.root)
    write_json(run.root / RECORD, crops)
    for split in splits:
        annotations = [a for a in dataset.splits[split].annotations if not a.iscrowd]
        larger = sum(is_larger(a, side) for a in annotations)
        parts = (
            f"; {larger} of {len(annotations)} defects are larger and only in parts in a crop" if larger else ""
        )
        print_status(f"crops of {side} pixels, {describe_crops(crops, split)}{parts}")
    return load_dataset(folder)


def remove_crops(run: Run) -> None:
    """Remove the crops at the end of a training; their record stays."""
    shutil.rmtree(run.root / FOLDER, ignore_errors=True)


def _check_apart(dataset: Dataset, crops: list[TrainingCrop], root: Path) -> None:
    """Raise InputError if a crop for training is one of an image of val or test."""
    cropped = {crop.source for crop in crops if crop.split == "train"}
    measured = tested_content(dataset, [i for i in dataset.images("train") if i.file_name in cropped])
    if measured:
        shutil.rmtree(root / FOLDER, ignore_errors=True)
        problem = f"{min(measured)} of train is also an image of val or test"
        raise InputError(dataset.root, problem, "remove one of them, see datasets check")
