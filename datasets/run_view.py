"""A dataset as a run or a fold sees it: the same images, shared out to its splits, and what was pasted for it."""

from collections.abc import Mapping, Sequence

import msgspec

from datasets.coco import CocoFile, Image
from datasets.folder import Dataset
from datasets.paste_run import with_pasted
from datasets.resume import run_members
from datasets.runs import Run
from datasets.splits import SPLITS

PASTED = "pasted"  # the folder in the run


def run_view(run: Run, dataset: Dataset) -> Dataset:
    """`dataset` as `run` sees it: split.json says which image is in which split, and its pasted ones are there.

    Raises InputError for another dataset than the run's.
    """
    pasted = run.root / PASTED
    whole = with_pasted(dataset, pasted) if pasted.is_dir() else dataset
    return _view(whole, run_members(run, whole))


def shared(dataset: Dataset, splits: Mapping[str, str]) -> Dataset:
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
