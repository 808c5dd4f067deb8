"""Self-training: images without labels, labelled by a trained run that has not seen what is measured.

RUN/unlabelled/        a dataset folder: the images and the labels that a model gave them, in its split train
RUN/unlabelled.json    the teacher, the thresholds and what was left out

Lee 2013: Pseudo-Label. An image whose predictions are neither sure nor absent would teach the teacher's doubts, so
it is left out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from datasets.coco import Annotation, Image, Prediction
from datasets.formats.dataset_folder import Dataset, write_annotations
from datasets.formats.train_split import first_ids
from datasets.images.image_file import find_images, read_image_bytes
from datasets.images.pixels import read_rgb
from datasets.masks.rle import rle_area
from evaluate.run_folder import Run, load_run_of, read_split
from system.console import print_status, progress
from system.errors import InputError
from system.files import link_or_copy, new_folder
from system.json_file import write_json
from system.links import check_inside
from training.cross_validation import training_without
from training.run_dataset import UNLABELLED as FOLDER
from training.seen_images import SeenImages, check_teacher_unseen, pixel_digest
from training.trainer import Predictor

RECORD = "unlabelled.json"
DOUBT = 0.5  # of the score from which a prediction is a label: between them nobody knows


class Unlabelled(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the images: `labelled` have predictions of at least `score` and no doubtful one.

    `good` have no prediction of `doubt` or more. `doubtful` are left out, also those with a mask without a pixel.
    So are `known`, which have the bytes or the pixels of a training image or of another of these images, `near`,
    which are almost an image of val or test, and `surplus`: more good images than labelled ones.
    """

    teacher: str
    score: float
    doubt: float
    images: int
    labelled: int
    good: int
    doubtful: int
    known: int
    surplus: int
    near: int = 0


def teacher_for(run: Run, teacher: Path) -> Run:
    """The training in `teacher`, a run of the task of `run` or a cross-validation, that saw no val or test image.

    Raises InputError if there is none.
    """
    if training := training_without(load_run_of(teacher, run.task), read_split(run).measured):
        return training
    problem = f"trained on images of val or test of {run.root.name}"
    raise InputError(teacher, problem, "give a run with the same splits, for --folds with the same folds")


def add_unlabelled(
    run: Run, dataset: Dataset, folder: Path, teacher: Run, predictor: Predictor, score: float
) -> None:
    """Label the images in `folder` by `predictor`, the model of `teacher`, and add them to the training of `run`.

    Raises InputError if one of them has the bytes or the pixels of an image of val or test, cannot be read, or is
    a link out of `folder`; also if the teacher learnt an image of val or test, or finds other types.
    """
    check_teacher_unseen(run, dataset, teacher)
    ids = _type_ids(dataset, teacher, predictor)
    every = find_images([folder])
    for file in every:  # the run would contain a private file that a link of a received folder names
        check_inside(file, [folder if folder.is_dir() else folder.parent])
    files, known = _new_files(dataset, every)
    seen, count, near = SeenImages(dataset), len(every), 0
    doubt = DOUBT * score
    sure: list[tuple[Path, Image, list[Prediction]]] = []
    good: list[tuple[Path, Image, list[Prediction]]] = []
    doubtful = 0
    for file in progress(files, "labelling", len(files)):
        rgb = read_rgb(file, dataset.intensities)
        digest = pixel_digest(rgb)
        if digest in seen.measured:
            raise _measured(file, seen.measured[digest])
        if digest in seen.train:
            known += 1
            continue
        if seen.is_near_measured(rgb):
            near += 1
            continue
        seen.train.add(digest)
        found = next(iter(predictor.predict([(1, rgb)], doubt)))
        image = Image(0, "", rgb.shape[1], rgb.shape[0])
        if any(doubt <= p.score < score or _has_empty_mask(p) for p in found):
            doubtful += 1
        else:
            (sure if found else good).append((file, image, found))
    kept = [*sure, *good[: len(sure)]]
    if kept:
        _write(run, dataset, kept, ids)
    counts = Unlabelled(
        teacher=str(teacher.root), score=score, doubt=doubt, images=count, labelled=len(sure),
        good=min(len(good), len(sure)), doubtful=doubtful, known=known, surplus=max(0, len(good) - len(sure)),
        near=near,
    )  # fmt: skip
    write_json(run.root / RECORD, counts)
    print_status(
        f"unlabelled images: {counts.labelled} labelled from score {score:g}, {counts.good} good,"
        f" {doubtful} left out with scores from {doubt:g}, {known} known already, {near} almost an image of val"
        f" or test, {counts.surplus} more good ones"
    )


def _has_empty_mask(prediction: Prediction) -> bool:
    """Whether a mask has no pixel, as that of a -seg model may; learnt as a label, it would be no defect."""
    mask = prediction.segmentation
    return mask is not None and not rle_area(mask)


def _new_files(dataset: Dataset, files: Sequence[Path]) -> tuple[list[Path], int]:
    """The files that are neither in train nor repeated, and how many are.

    Raises InputError for an image of val or test.
    """
    measured = {dataset.sha256(image): image.file_name for s in ("val", "test") for image in dataset.images(s)}
    seen = {dataset.sha256(image) for image in dataset.images("train")}
    new = []
    for file in files:
        digest = hashlib.sha256(read_image_bytes(file)).hexdigest()
        if digest in measured:
            raise _measured(file, measured[digest])
        if digest not in seen:
            new.append(file)
        seen.add(digest)
    return new, len(files) - len(new)


def _measured(file: Path, name: str) -> InputError:
    return InputError(
        file, f"is the image {name}, which is in val or test", "remove it from the unlabelled images"
    )


def _type_ids(dataset: Dataset, teacher: Run, predictor: Predictor) -> dict[int, int]:
    """The category id in `dataset` of each one of the teacher, by name. Raises InputError for other types.

    A type that the teacher does not know would be missing in its labels, as if there were no such defects.
    """
    own = {category.name: category.id for category in dataset.categories}
    theirs = {category.name: category.id for category in predictor.categories}
    for name in sorted(own.keys() ^ theirs.keys()):
        problem = (
            f"does not find {name}, a type of {dataset.name}"
            if name in own
            else f"finds {name}, which is not a type of {dataset.name}"
        )
        raise InputError(teacher.root, problem, "give a run that finds the same types")
    return {theirs[name]: own[name] for name in own}


def _write(
    run: Run,
    dataset: Dataset,
    kept: Sequence[tuple[Path, Image, list[Prediction]]],
    ids: Mapping[int, int],
) -> None:
    image_id, annotation_id = first_ids(dataset)
    images: list[Image] = []
    annotations: list[Annotation] = []
    with new_folder(run.root / FOLDER) as root:
        for number, (file, image, found) in enumerate(kept):
            name = f"{FOLDER}/{number:05d}{file.suffix.lower()}"
            images.append(msgspec.structs.replace(image, id=image_id + number, file_name=name))
            target = root / "images" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(file, target)
            for p in found:
                area = rle_area(p.segmentation) if p.segmentation else p.bbox[2] * p.bbox[3]
                annotations.append(
                    Annotation(
                        annotation_id + len(annotations), image_id + number, ids[p.category_id], p.bbox, area,
                        [] if p.segmentation is None else p.segmentation,
                    )
                )  # fmt: skip
        write_annotations(root, {"train": images}, annotations, dataset.categories)
    split = read_split(run)
    train = [*split.images.get("train", []), *(image.file_name for image in images)]
    write_json(run.root / "split.json", msgspec.structs.replace(split, images={**split.images, "train": train}))
