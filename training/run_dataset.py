"""A dataset as a run or a fold sees it: with the splits of the run, and its pasted images."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec

from datasets.coco import SPLITS
from datasets.formats.dataset_folder import Dataset, annotations_sha256, load_dataset
from datasets.formats.members import home_splits, select_images
from evaluate.run_folder import Run, RunSplit, read_split
from system.errors import InputError
from training.pasted_images import with_pasted

PASTED, UNLABELLED = "pasted", "unlabelled"  # the folders in the run


def run_dataset(run: Run, dataset: Dataset) -> Dataset:
    """`dataset` with the splits of `run` (split.json), its pasted images, and those that a model labelled.

    Raises InputError if `dataset` is not the dataset of the run, or its content changed.
    """
    folders = [run.root / name for name in (PASTED, UNLABELLED)]
    added = [load_dataset(folder) for folder in folders if folder.is_dir()]
    members = _members(run, dataset, {image.file_name for one in added for image in one.images("train")})
    view = msgspec.structs.replace(dataset, splits=select_images(dataset, members))
    for one in added:
        view = with_pasted(view, one)
    return view


def check_same_annotations(run: Run, dataset: Dataset) -> None:
    """Raise InputError if the annotation files are not those that the training of `run` began with.

    dataset.json does not change where a file is edited, or another machine has a copy of its own.
    """
    began_with = read_split(run).annotations_sha256
    if began_with and began_with != annotations_sha256(dataset.root):
        problem = "not the annotations that the training began with"
        raise InputError(
            dataset.root / "annotations", problem, "restore them, or start a new run without --resume"
        )


def _members(run: Run, dataset: Dataset, pasted: AbstractSet[str]) -> dict[str, list[str]]:
    """The images of each split of the run but those in `pasted`. Raises InputError for another dataset."""
    split: RunSplit = read_split(run)
    now = dataset.provenance.content_sha256 if dataset.provenance else None
    if now != split.content_sha256:
        raise InputError(dataset.root, "not the dataset of the run, or its content changed", "name the run's own")
    members = {name: [file for file in files if file not in pasted] for name, files in split.images.items()}
    known = home_splits(dataset)
    if missing := [file for files in members.values() for file in files if file not in known]:
        raise InputError(dataset.root, f"{missing[0]} of the run is not in it", "name the run's own dataset")
    return members


def resplit_in_memory(dataset: Dataset, splits: Mapping[str, str]) -> Dataset:
    """`dataset` with its images in other splits (file name -> split), nothing is written; ids by select_images."""
    members = {split: sorted(n for n, s in splits.items() if s == split) for split in SPLITS}
    return msgspec.structs.replace(dataset, splits=select_images(dataset, members))
