"""A dataset as a run or a fold sees it: the same images, shared out to its splits, and what was pasted for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from datasets.coco import SPLITS, CocoFile, Image
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_folder import Run, RunSplit, read_config, read_split
from system.errors import InputError
from training.pasted_images import with_pasted

PASTED = "pasted"  # the folder in the run


def open_dataset(run: Run, moved: Path | None = None) -> Dataset:
    """The dataset that `run` was made on, or what lies in `moved`, where it is now. Raises InputError."""
    root = moved or Path(read_config(run.root).dataset)
    if not moved and not root.is_dir():
        raise InputError(root, f"the dataset of {run.root} is no longer there", "say where it is with --dataset")
    return load_dataset(root)


def run_dataset(run: Run, dataset: Dataset) -> Dataset:
    """`dataset` as `run` sees it: split.json says which image is in which split, and its pasted ones are there.

    Raises InputError for another dataset than the run's.
    """
    pasted = run.root / PASTED
    whole = with_pasted(dataset, pasted) if pasted.is_dir() else dataset
    return _view(whole, _members(run, whole))


def _members(run: Run, dataset: Dataset) -> dict[str, list[Image]]:
    """The images of each split of the run, wherever `dataset` has them. Raises InputError for another dataset."""
    split: RunSplit = read_split(run)
    now = dataset.provenance.content_sha256 if dataset.provenance else None
    if now != split.content_sha256:
        raise InputError(dataset.root, "not the dataset of the run, or its content changed", "name the run's own")
    known = {image.file_name: image for coco in dataset.splits.values() for image in coco.images}
    if missing := [name for names in split.images.values() for name in names if name not in known]:
        raise InputError(dataset.root, f"{missing[0]} of the run is not in it", "name the run's own dataset")
    return {name: [known[file] for file in files] for name, files in split.images.items()}


def resplit_in_memory(dataset: Dataset, splits: Mapping[str, str]) -> Dataset:
    """`dataset` with its images in other splits (file name -> split), in memory; ids stay."""
    images = {image.file_name: image for coco in dataset.splits.values() for image in coco.images}
    names = {split: sorted(n for n, s in splits.items() if s == split) for split in SPLITS}
    return _view(dataset, {split: [images[n] for n in found] for split, found in names.items()})


def _view(dataset: Dataset, members: Mapping[str, Sequence[Image]]) -> Dataset:
    annotations = {i: a for coco in dataset.splits.values() for i, a in coco.by_image().items()}
    return msgspec.structs.replace(
        dataset,
        splits={
            split: CocoFile(list(images), [a for i in images for a in annotations[i.id]], dataset.categories)
            for split, images in members.items()
        },
    )
