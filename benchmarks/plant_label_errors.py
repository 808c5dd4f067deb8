"""Known label errors, planted into a dataset: removed, invented, moved and wrongly typed annotations."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from datasets.coco import Annotation, Box, Category, CocoFile, Image, Rle
from datasets.formats.coco_file import write_coco
from datasets.formats.dataset_folder import Dataset, annotation_path
from datasets.masks.rle import decode, encode, rle_area, rle_box
from evaluate.instance_suspects import NEAR_IOU
from evaluate.label_suspects import Suspect
from evaluate.matching import box_ious

KINDS = ("removed", "invented", "type", "moved")


class Planted(msgspec.Struct, frozen=True):
    """A planted error: its kind, its image, and the box of the annotation, of a removed one as it was."""

    kind: str
    image: str
    box: Box


def write_planted(dataset: Dataset, folder: Path, share: float, seed: int) -> list[Planted]:
    """Copy `dataset`, whose images are of one size, to `folder` with errors in `share` of its annotations."""
    random = np.random.default_rng(seed)
    planted: list[Planted] = []
    (folder / "annotations").mkdir(parents=True)
    shutil.copytree(dataset.root / "images", folder / "images")
    for split, coco in dataset.splits.items():
        changed, errors = plant(coco, share, random)
        write_coco(annotation_path(folder, split), changed)
        planted += errors
    return planted


def plant(coco: CocoFile, share: float, random: np.random.Generator) -> tuple[CocoFile, list[Planted]]:
    """`coco` with errors in `share` of its annotations, the four kinds equally often, and what was changed."""
    images = {image.id: image for image in coco.images}
    annotations = {a.id: a for a in coco.annotations}
    chosen = random.permutation(sorted(annotations))[: round(share * len(annotations))].tolist()
    planted = []
    for number, key in enumerate(chosen):
        kind, old = KINDS[number % len(KINDS)], annotations[key]
        image = images[old.image_id]
        if kind == "removed":
            del annotations[key]
        elif kind == "invented":
            image = _free_image(coco, annotations, random)
            new = max([*annotations, *chosen]) + 1
            copied = msgspec.structs.replace(old, id=new, image_id=image.id)
            annotations[new] = _moved(copied, image, random, 0.3, 1)
            planted.append(Planted(kind, image.file_name, annotations[new].bbox))
            continue
        elif kind == "type":
            annotations[key] = msgspec.structs.replace(old, category_id=_other(coco.categories, old, random))
        else:
            annotations[key] = _moved(old, image, random, 0.4, 0.6)
        planted.append(Planted(kind, image.file_name, annotations.get(key, old).bbox))
    kept = sorted(annotations.values(), key=lambda a: (a.image_id, a.id))
    return msgspec.structs.replace(coco, annotations=kept), planted


def _other(categories: Sequence[Category], old: Annotation, random: np.random.Generator) -> int:
    others = [category.id for category in categories if category.id != old.category_id]
    return int(random.choice(others)) if others else old.category_id


def _free_image(coco: CocoFile, annotations: dict[int, Annotation], random: np.random.Generator) -> Image:
    """An image that was good and has no invented defect yet, or any if there is none."""
    taken = {a.image_id for a in [*coco.annotations, *annotations.values()]}
    free = [image for image in coco.images if image.id not in taken] or list(coco.images)
    return free[int(random.integers(len(free)))]


def _moved(old: Annotation, image: Image, random: np.random.Generator, least: float, most: float) -> Annotation:
    """`old` moved by `least` to `most` of its sides in both directions, inside the image."""
    mask = decode(old.segmentation, image.height, image.width)
    rows, columns = np.nonzero(mask)
    moves = []
    for places, side, size in ((rows, old.bbox[3], image.height), (columns, old.bbox[2], image.width)):
        distance = max(2, round(float(random.uniform(least, most)) * side))
        choices = [d for d in (distance, -distance) if places.min() + d >= 0 and places.max() + d < size]
        moves.append(int(random.choice(choices)) if choices else 0)
    moved = np.zeros_like(mask)
    moved[rows + moves[0], columns + moves[1]] = 1
    rle: Rle = encode(moved)
    return msgspec.structs.replace(old, segmentation=rle, bbox=rle_box(rle), area=rle_area(rle))


def is_planted(suspect: Suspect, planted: Sequence[Planted]) -> bool:
    """Whether a suspect is in the image of a planted error and near its box."""
    near = [p for p in planted if p.image == suspect.image]
    return suspect.box is not None and any(box_ious([suspect.box], [p.box])[0, 0] >= NEAR_IOU for p in near)


def found(planted: Planted, suspects: Sequence[Suspect]) -> bool:
    """Whether any suspect is near a planted error."""
    return any(is_planted(suspect, [planted]) for suspect in suspects)
