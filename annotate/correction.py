"""Open images of a dataset in labelme with their truth and a run's predictions, to be corrected.

The folder of a correction is an ordinary labelme folder beside the dataset. Each shape of the truth carries the
id of its annotation and a mark of its outline, so that what nobody touched stays the same annotation.
"""

import fnmatch
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from annotate.folder_images import LIST_SUFFIX, FolderImage, read_names, unknown_image
from annotate.proposals import Proposal, propose
from convert.coco2labelme import annotation_shapes
from convert.coco_source import CocoImage
from convert.to_shapes import DEFAULT_TOLERANCE, join_group
from datasets.coco import Image
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import Dataset, annotation_path
from datasets.formats.labelme_document import new_document, shape_to_raw, write_document
from datasets.formats.labelme_proposal import marked
from datasets.formats.provenance import PROVENANCE
from evaluate.new_predictions import run_name
from evaluate.one_type import run_categories
from evaluate.operating import operating_score
from evaluate.run_folder import Run, read_split
from system.errors import InputError
from system.files import link_or_copy
from system.json_file import read_json, write_json

MANIFEST = ".correction.json"  # hidden: it is not a labelme file
TRUTH = "defectline_annotation"  # the key of a shape: id of its annotation, and number of its shapes
FORMAT: Literal["defectline-correction/1"] = "defectline-correction/1"


class Correction(msgspec.Struct, frozen=True):
    """The content of the manifest; names are relative, so that the folders can be moved together.

    `contents` is split -> SHA-256 of its annotation file when the images were opened, `images` are file names of
    the dataset. `run` names the run whose predictions were added.
    """

    format: Literal["defectline-correction/1"]
    contents: dict[str, str]
    images: list[str]
    run: str | None = None
    applied: bool = False


class Opened(msgspec.Struct, frozen=True):
    """Numbers of opened images, of shapes of the truth and predictions in them, and images without predictions."""

    images: int
    truth: int
    predictions: int
    unpredicted: int


def correction_folder(dataset: Path) -> Path:
    """The folder in which images of a dataset are corrected: beside it."""
    root = dataset.resolve()
    return root.with_name(f"{root.name}-correction")


def contents_of(dataset: Dataset) -> dict[str, str]:
    """Split -> SHA-256 of its annotation file."""
    paths = {split: annotation_path(dataset.root, split) for split in dataset.splits}
    return {split: hashlib.sha256(path.read_bytes()).hexdigest() for split, path in paths.items()}


def read_correction(folder: Path) -> Correction:
    """The correction in a folder. Raises InputError if there is none."""
    if not (folder / MANIFEST).is_file():
        raise InputError(
            folder, "no correction was begun here", "open images first: annotate correct DATASET IMAGES"
        )
    return read_json(folder / MANIFEST, Correction, remedy="open the images again in a new folder")


def check_correctable(dataset: Dataset) -> None:
    """Raise InputError for a dataset that defectline did not write, or whose files it would have to repair."""
    remedy = "convert it with coco2coco first"
    if not (dataset.root / PROVENANCE).is_file():
        raise InputError(dataset.root, f"not written by defectline (no {PROVENANCE})", remedy)
    if dataset.repairs:
        raise InputError(dataset.root, f"its annotations need repairs ({dataset.repairs[0].code})", remedy)


def choose_dataset_images(dataset: Dataset, wanted: Iterable[str]) -> list[Image]:
    """The images of a dataset by file name, path, last part of the name, pattern, or a list of these (a text file
    with one per line), in the given order.

    Raises InputError for one that is unknown or ambiguous, and for a list that cannot be read.
    """
    images = {image.file_name: image for coco in dataset.splits.values() for image in coco.images}
    by_path = {str(dataset.image_path(image).resolve()): name for name, image in images.items()}
    chosen: dict[str, Image] = {}
    for word in _without_lists(wanted):
        name = word if word in images else by_path.get(str(Path(word).resolve()))
        names = [name] if name else [one for one in images if Path(one).name == word]
        names = names or fnmatch.filter(images, word)
        if not names:
            raise unknown_image(word, str(dataset.root), "give its name in the dataset")
        if len(names) > 1 and word == Path(names[0]).name:
            raise InputError(
                word, f"the last part of {len(names)} names: {names[0]}, {names[1]}", "give the whole name"
            )
        chosen |= {one: images[one] for one in names}
    return list(chosen.values())


def _without_lists(wanted: Iterable[str]) -> Iterator[str]:
    """The words, with the lines of each list in its place."""
    for word in wanted:
        if Path(word).suffix.lower() == LIST_SUFFIX and Path(word).is_file():
            yield from read_names(Path(word))
        else:
            yield word


def open_correction(
    dataset: Dataset, images: Sequence[Image], folder: Path, run: Run | None, min_score: float | None = None
) -> Opened:
    """Link `images` into `folder` with labelme files of their truth and of the predictions of `run`.

    Images that are already in the folder keep their files. A folder whose correction was applied is begun again
    with the images given. Raises InputError if the folder has other files, or a correction of another state of the
    dataset; OutputError for files that changed meanwhile.
    """
    check_correctable(dataset)
    earlier = _earlier(dataset, folder)
    new = [image for image in images if image.file_name not in (earlier.images if earlier else ())]
    predictions = _predictions(dataset, new, run, min_score) if run else {}
    name = run_name(run) if run else None
    names = {category.id: category.name for category in dataset.categories}
    counts = [0, 0]
    for split, coco in dataset.splits.items():
        of_image = coco.by_image()
        members = [image for image in new if image in coco.images]
        for image in members:
            counts[0] += _write_truth(dataset, CocoImage(image, split, of_image[image.id]), folder, names)
            proposals = predictions.get(image.file_name, [])
            if proposals:
                listed = FolderImage(folder, image.file_name, labelled=True)
                counts[1] += propose(listed, proposals).proposed
    every = [*(earlier.images if earlier else []), *(image.file_name for image in new)]
    write_json(
        folder / MANIFEST,
        Correction(FORMAT, contents_of(dataset), every, name or (earlier.run if earlier else None)),
    )
    return Opened(
        len(new), counts[0], counts[1], sum(image.file_name not in predictions for image in new) if run else 0
    )


def _earlier(dataset: Dataset, folder: Path) -> Correction | None:
    """The correction in `folder` to be continued; None for an empty folder and one whose correction was
    applied."""
    if not folder.is_dir() or not any(folder.iterdir()):
        folder.mkdir(parents=True, exist_ok=True)
        return None
    if not (folder / MANIFEST).is_file():
        raise InputError(folder, "has other files", "name another folder with --folder")
    earlier = read_correction(folder)
    if earlier.applied:
        known = {image.file_name for coco in dataset.splits.values() for image in coco.images}
        for name in known & set(earlier.images):  # their corrections are in the dataset
            (folder / name).unlink(missing_ok=True)
            (folder / name).with_suffix(".json").unlink(missing_ok=True)
        return None
    if earlier.contents != contents_of(dataset):
        problem = f"{dataset.root} changed since the correction here was begun"
        raise InputError(folder, problem, "move this folder away, then open the images again")
    return earlier


def _write_truth(dataset: Dataset, item: CocoImage, folder: Path, names: Mapping[int, str]) -> int:
    """Write the image and the labelme file of its truth without ignore regions; returns the number of shapes."""
    image = item.image
    target = folder / image.file_name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        link_or_copy(dataset.image_path(image), target)
    raw_shapes: list[dict[str, object]] = []
    made = annotation_shapes([item], names, DEFAULT_TOLERANCE)
    for annotation, own in zip(item.annotations, made, strict=True):
        key = f"{annotation.id}/{len(own)}"
        grouped = join_group(own, len(raw_shapes) + 1)
        raw_shapes += [{**shape_to_raw(marked(shape)), TRUTH: key} for shape in grouped]
    document = new_document(target.with_suffix(".json"), target.name, image.height, image.width)
    write_document(document, {**document.raw, "shapes": raw_shapes})
    return len(raw_shapes)


def _predictions(
    dataset: Dataset, images: Sequence[Image], run: Run, min_score: float | None
) -> dict[str, list[Proposal]]:
    """The stored predictions of a run of at least its operating point, by file name; no entry where it has
    none."""
    minimum = operating_score(run) if min_score is None else min_score
    labels = {category.id: category.name for category in run_categories(run, dataset)}
    every = {image.file_name: image for coco in dataset.splits.values() for image in coco.images}
    wanted = {image.file_name: image for image in images}
    found: dict[str, list[Proposal]] = {}
    for split, members in read_split(run).images.items():
        path = run.predictions(split)
        here = [wanted[name] for name in members if name in wanted]
        if not here or not path.is_file():
            continue
        file_names = {image.id: image.file_name for image in here}
        found |= {name: [] for name in file_names.values()}
        for prediction in read_predictions(path, [every[name] for name in members if name in every]):
            name = file_names.get(prediction.image_id)
            if name is not None and prediction.score >= minimum:
                found[name].append(Proposal(prediction, labels[prediction.category_id], run_name(run)))
    return found
