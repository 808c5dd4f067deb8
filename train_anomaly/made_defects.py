"""Good images with made defects, from which `--synthetic` learns: blends of noise, and defects of a dataset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from datasets.coco import Image
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.masks.rle import decode
from datasets.paste.compose import paste_images
from datasets.paste.source import PasteImage, list_paste_images
from features.input_frame import InputFrame
from system.console import print_status
from system.errors import InputError
from train_anomaly.synthetic import make_defect

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MadeDefect:
    """A good image with a defect: `rgb` rows x columns x 3, `region` rows x columns bool.

    `owner` is the number of the good image among those that are learnt.
    """

    rgb: "NDArray[np.uint8]"
    region: "NDArray[np.bool_]"
    owner: int


def blended_defects(images: Tensor, count: int, seed: int) -> Iterator[MadeDefect]:
    """`count` defects by noise on good images N x 3 x rows x columns uint8, each image in turn."""
    random = np.random.default_rng((seed, 1))
    for number in range(count):
        owner = number % len(images)
        good, other = (images[i].permute(1, 2, 0).numpy() for i in (owner, int(random.integers(len(images)))))
        rgb, region = make_defect(good, other, random)
        yield MadeDefect(rgb, region, owner)


def pasted_defects(
    sources: Sequence[PasteImage],
    canvases: Sequence[PasteImage],
    count: int,
    seed: int,
    frame: tuple[int, int],
) -> Iterator[MadeDefect]:
    """`count` defects of `sources` pasted on good images, as network inputs of `frame`, rows and columns.

    Raises InputError if none fits.
    """
    owners = {canvas.image.file_name: number for number, canvas in enumerate(canvases)}
    for pasted in paste_images([*sources, *canvases], count, seed, first_ids=(1, 1)):
        height, width = pasted.rgb.shape[:2]
        region = np.zeros((height, width), np.uint8)
        for annotation in pasted.annotations:
            region |= decode(annotation.segmentation or [], height, width)
        inputs = InputFrame(height, width, *frame)
        shown = inputs.to_input(np.repeat(region[:, :, None] * np.uint8(255), 3, axis=2))[:, :, 0] > 127
        yield MadeDefect(inputs.to_input(pasted.rgb), shown, owners[pasted.canvas])


def read_sources(folder: Path, dataset: Dataset) -> tuple[list[PasteImage], list[str]]:
    """The defective training images of the dataset in `folder`, without those in val or test of `dataset`.

    They are compared by the SHA-256 of their files, which is also returned. Raises InputError if none is left.
    """
    given = load_dataset(folder)
    defective = given.split("train").defective()
    images = [image for image in given.images("train") if image.id in defective]
    tested = {dataset.sha256(image) for split in ("val", "test") for image in dataset.images(split)}
    digests = {image.file_name: given.sha256(image) for image in images}
    kept = [image for image in images if digests[image.file_name] not in tested]
    if not kept:
        problem = f"none of its {len(images)} defective training images is outside val and test of {dataset.name}"
        raise InputError(folder, problem, "name a dataset with other defects")
    if len(kept) < len(images):
        print_status(f"{folder}: {len(images) - len(kept)} defective images are in val or test here, left out")
    masked = {a.image_id for a in given.split("train").annotations if a.segmentation}
    if not any(image.id in masked for image in kept):
        raise InputError(folder, "none of its defective training images has a mask", "name a dataset with masks")
    sources = [replace(one, product="") for one in list_paste_images(given, kept)]
    return sources, [digests[image.file_name] for image in kept]


def as_canvases(dataset: Dataset, images: Sequence[Image]) -> list[PasteImage]:
    """Good images of `dataset` to paste on."""
    return [replace(one, product="") for one in list_paste_images(dataset, images)]
