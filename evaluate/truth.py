"""Ground truth of a run's splits and its predictions, checked against each other before anything is counted."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from datasets.coco import CocoFile, Prediction
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import Dataset
from datasets.formats.members import home_splits, select_images
from evaluate.one_type import as_one_type, types_by_image
from evaluate.run_folder import Provides, Run, RunSplit, read_split
from evaluate.type_of_image import ROUNDING
from evaluate.values import SplitSize
from system.errors import InputError


def run_truth(run: Run, dataset: Dataset, *, corrected: bool = False) -> dict[str, CocoFile]:
    """Ground truth of val and test as split.json lists them, from any split of the dataset.

    Ids are those of select_images, by which the trainer of the run wrote its predictions. For a run that does not
    distinguish types all annotations are of one category. With `corrected`, the annotations may have been
    corrected since the run was made. Raises InputError if the dataset is not the one of the run or has no image
    to test.
    """
    split = read_split(run)
    path = run.root / "split.json"
    now = dataset.provenance.content_sha256 if dataset.provenance else None
    known = corrected and corrections_since(run, dataset) > 0
    if split.content_sha256 and now and split.content_sha256 != now and not known:
        remedy = "give --dataset with the folder it was made on, or fit again"
        raise InputError(path, f"the run was made on another content of {dataset.root}", remedy)
    truth = {name: _select(path, dataset, split, name) for name in ("val", "test")}
    if not truth["test"].images:
        raise InputError(path, "has no test images", "convert with a test proportion above 0 and fit again")
    return truth if run.provides.types else {name: as_one_type(coco) for name, coco in truth.items()}


def corrections_since(run: Run, dataset: Dataset) -> int:
    """The number of corrections (`annotate correct --apply`) of the dataset since the run was made.

    They leave images, splits and ids unchanged, so that the predictions of the run can still be counted. 0 for the
    content of the run, and for one that dataset.json does not mention.
    """
    entries = dataset.provenance.corrections if dataset.provenance else []
    former = [entry.get("content_sha256_before") for entry in entries]
    content = read_split(run).content_sha256
    return len(former) - former.index(content) if content in former else 0


def defect_types(run: Run, dataset: Dataset) -> dict[int, str]:
    """The types of the defects in each defective test image of `run`, by its id, also where the run knows none."""
    return types_by_image(_select(run.root / "split.json", dataset, read_split(run), "test"))


def checked_predictions(path: Path, truth: CocoFile, provides: Provides) -> list[Prediction]:
    """Read the COCO results of a split; a split without images needs no file.

    Raises InputError if a prediction names another image or category, or has no mask or one of another size.
    """
    if not truth.images and not path.is_file():
        return []
    predictions = read_predictions(path, truth.images)
    check_predictions(path, truth, predictions, provides)
    return predictions


def check_predictions(path: Path, truth: CocoFile, predictions: Sequence[Prediction], provides: Provides) -> None:
    """Raise InputError if a prediction does not fit the images and categories of `truth`, or lacks its mask.

    For a run with image types, also if the scores of an image are not probabilities of different types.
    """
    sizes = {image.id: (image.height, image.width) for image in truth.images}
    names = truth.names()
    again = "predict the images of this run again"
    for i, p in enumerate(predictions):
        if p.image_id not in sizes:
            raise InputError(path, f"$[{i}].image_id {p.image_id} is not an image of the split", again)
        if p.category_id not in names:
            known = ", ".join(f"{k} {name}" for k, name in names.items())
            raise InputError(path, f"$[{i}].category_id {p.category_id} is unknown", f"known: {known}")
        if not 0 <= p.score <= 1:
            raise InputError(path, f"$[{i}].score {p.score} is not between 0 and 1", again)
        if provides.masks and p.segmentation is None:
            raise InputError(path, f"$[{i}] has no segmentation, but the run provides masks", again)
        if provides.masks and p.segmentation is not None and tuple(p.segmentation.size) != sizes[p.image_id]:
            height, width = p.segmentation.size
            real = sizes[p.image_id]
            raise InputError(
                path, f"$[{i}] has a mask of {width} x {height} for an image of {real[1]} x {real[0]}", again
            )
    if provides.image_types:
        _check_image_types(path, predictions, several=provides.several_types)


def _check_image_types(path: Path, predictions: Sequence[Prediction], *, several: bool) -> None:
    """Raise InputError if an image has two scores for a type, or scores that together are not probabilities.

    With `several` types an image may have each of them, so that their scores may sum to more than 1.
    """
    again = "predict the images of this run again"
    sums: dict[int, float] = {}
    types: set[tuple[int, int]] = set()
    for i, p in enumerate(predictions):
        if (p.image_id, p.category_id) in types:
            problem = f"$[{i}] is a second score of category {p.category_id} for image {p.image_id}"
            raise InputError(path, problem, again)
        types.add((p.image_id, p.category_id))
        sums[p.image_id] = sums.get(p.image_id, 0.0) + p.score
        if sums[p.image_id] > 1 + ROUNDING and not several:
            problem = f"the scores of image {p.image_id} sum to {sums[p.image_id]:.3f}, more than 1"
            raise InputError(path, problem, again)


def has_masks(truth: CocoFile) -> bool:
    """Whether every annotation has a mask."""
    return all(bool(a.segmentation) for a in truth.annotations)


def split_size(truth: CocoFile) -> SplitSize:
    """How many images, defective and good, and how many annotations there are, ignore regions left out."""
    annotations = sum(not a.iscrowd for a in truth.annotations)
    defective, images = len(truth.defective()), len(truth.images)
    return SplitSize(images, defective, images - defective, annotations)


def _select(path: Path, dataset: Dataset, split: RunSplit, name: str) -> CocoFile:
    names = split.images.get(name, [])
    known = home_splits(dataset)
    for file_name in names:
        if file_name not in known:
            raise InputError(
                path, f"{file_name} is not in the dataset {dataset.name}", "fit again on this dataset"
            )
    truth = select_images(dataset, {name: names})[name]
    return msgspec.structs.replace(
        truth,
        images=sorted(truth.images, key=lambda image: image.id),
        annotations=sorted(truth.annotations, key=lambda annotation: annotation.image_id),
    )
