"""The new images of a dataset's train split, as files with their annotations, parents and contact sheet."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from datasets.coco import Annotation, Image
from datasets.formats.dataset_folder import Dataset
from datasets.formats.made_images import OVERSAMPLED, check_none_made, tested_content
from datasets.formats.train_split import first_ids
from evaluate.type_of_image import GOOD_INDEX, type_names, types_of_images
from train_cls.contact_sheet import CONTACT_SHEET, PER_TYPE, write_contact_sheet
from train_cls.data import load_squares
from train_cls.options import DeepSmoteOptions
from train_cls.synthetic import Method, Synthetic, make_synthetic

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ParentImages(msgspec.Struct, frozen=True):
    """The training images that may be parents, and the index of the type of each: 0 good, then by id.

    `left_out` are images whose content is the same as that of a val or test image.
    """

    images: list[Image]
    types: "NDArray[np.intp]"
    left_out: list[str]


class OversampledImage(msgspec.Struct, frozen=True):
    """A new image as recorded in `dataset.json`: its type, its two parents, and the share of the first one."""

    file_name: str
    type: str
    parents: tuple[str, str]
    share: float


class NewImage(msgspec.Struct, frozen=True):
    """A new image that was written, its annotation (none of a good image), and the SHA-256 of its file."""

    image: Image
    annotations: list[Annotation]
    record: OversampledImage
    sha256: str


def parent_images(dataset: Dataset) -> ParentImages:
    """The training images of known type, without those that are also in val or test.

    Raises InputError if the dataset has images that were made from others, or no train split.
    """
    check_none_made(dataset, "which must not be parents", "oversample the dataset that it was made from")
    images, types = types_of_images(dataset.split("train"))
    tested = tested_content(dataset, images)
    kept = [i for i, image in enumerate(images) if image.file_name not in tested]
    return ParentImages([images[i] for i in kept], types[kept], sorted(tested))


def left_out_lines(parents: ParentImages, names: Sequence[str], per_type: int, fewest: int = 2) -> list[str]:
    """Lines about training images that are not parents, and about types with fewer than `fewest` images."""
    counts = np.bincount(parents.types, minlength=len(names)).tolist()
    lines = [
        f"{name} has {count or 'no'} training image{'s' if count != 1 else ''}: no new one is made"
        for name, count in zip(names, counts, strict=True)
        if count < min(fewest, per_type)
    ]
    if parents.left_out:
        lines.append(
            f"{len(parents.left_out)} training images are in val or test too, such as {parents.left_out[0]}: "
            "no new one is made of them"
        )
    return lines


def write_new_images(
    root: Path,
    dataset: Dataset,
    parents: ParentImages,
    wanted: "dict[int, int]",
    *,
    method: Method,
    imgsz: int,
    options: DeepSmoteOptions,
    seed: int,
) -> list[NewImage]:
    """Make `wanted` (index of a type -> count) new images of `imgsz` pixels and write them into the folder `root`.

    Writes images/oversample/NNNN.png and the contact sheet. A new image of a defect type has one annotation, the
    box of the whole image without a mask: it has a type, but no place of a defect.
    """
    squares = load_squares(dataset, parents.images, imgsz)
    made = make_synthetic(squares, parents.types, wanted, method, options, seed)
    names = type_names(category.name for category in dataset.categories)
    image_id, annotation_id = first_ids(dataset)
    (root / "images" / OVERSAMPLED).mkdir(parents=True)
    written: list[NewImage] = []
    for i, k in enumerate(made.types.tolist()):
        file_name = f"{OVERSAMPLED}/{i:04d}.png"
        data = cv2.imencode(".png", made.squares[i][..., ::-1])[1].tobytes()
        (root / "images" / file_name).write_bytes(data)
        annotations = []
        if k != GOOD_INDEX:
            category = dataset.categories[k - 1].id
            box = (0, 0, imgsz, imgsz)
            annotations = [Annotation(annotation_id, image_id + i, category, box, imgsz * imgsz)]
            annotation_id += 1
        both = (parents.images[made.first[i]].file_name, parents.images[made.second[i]].file_name)
        record = OversampledImage(file_name, names[k], both, round(float(made.share[i]), 6))
        image = Image(image_id + i, file_name, imgsz, imgsz)
        written.append(NewImage(image, annotations, record, hashlib.sha256(data).hexdigest()))
    write_contact_sheet(root / CONTACT_SHEET, _triples(squares, made, names))
    return written


def _triples(
    squares: "NDArray[np.uint8]", made: Synthetic, names: Sequence[str]
) -> "dict[str, list[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]]]":
    return {
        names[k]: [
            (squares[made.first[i]], made.squares[i], squares[made.second[i]])
            for i in np.flatnonzero(made.types == k)[:PER_TYPE]
        ]
        for k in np.unique(made.types)
    }
