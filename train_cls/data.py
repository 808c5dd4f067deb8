"""Training data in memory: every image is decoded and shrunk once, with the type of the image."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from datasets.coco import CocoFile, Image
from datasets.formats.dataset_folder import Dataset
from evaluate.type_of_image import labels_of_images, types_of_images
from features.library import IMAGENET_MEAN, MeanOrStd, padding_colour
from system.console import progress
from system.errors import InputError
from train_cls.augment import augment
from train_cls.options import ClassifierAugmentation, Several
from training.batches import EpochKey
from training.letterbox import Letterbox

if TYPE_CHECKING:
    from numpy.typing import NDArray

ClassifierSample = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class TypedImages:
    """Images in the network's square, N x S x S x 3 RGB, and the index of the type of each: 0 good, then by id.

    `labels`, N x K, is True for each category that an image has an annotation of; an image may have several.
    """

    squares: "NDArray[np.uint8]"
    types: "NDArray[np.intp]"
    labels: "NDArray[np.bool_]"

    def __len__(self) -> int:
        return len(self.types)

    def __getitem__(self, part: slice) -> "TypedImages":
        """Some of the images."""
        return TypedImages(self.squares[part], self.types[part], self.labels[part])

    def targets(self, *, several: bool) -> Tensor:
        """What a loss compares with: the index of the type of each image; with `several` N x K, 0 or 1."""
        return torch.from_numpy(self.labels).float() if several else torch.from_numpy(self.types)


def load_typed(dataset: Dataset, coco: CocoFile, imgsz: int, mean: MeanOrStd = IMAGENET_MEAN) -> TypedImages:
    """Decode and shrink the images of `coco` whose type is known, as `to_square`. Raises InputError."""
    images, types = types_of_images(coco)
    return TypedImages(load_squares(dataset, images, imgsz, mean), types, labels_of_images(coco, images))


def load_squares(
    dataset: Dataset, images: Sequence[Image], imgsz: int, mean: MeanOrStd = IMAGENET_MEAN
) -> "NDArray[np.uint8]":
    """Decode and shrink images of a dataset: N x S x S x 3 RGB, as `to_square`. Raises InputError."""

    def load(image: Image) -> "NDArray[np.uint8]":
        return to_square(dataset.read_image(image), imgsz, mean)

    with ThreadPoolExecutor() as pool:
        squares = list(progress(pool.map(load, images), "reading images", len(images)))
    return np.stack(squares) if squares else np.zeros((0, imgsz, imgsz, 3), np.uint8)


def to_square(rgb: "NDArray[np.uint8]", imgsz: int, mean: MeanOrStd = IMAGENET_MEAN) -> "NDArray[np.uint8]":
    """An H x W x 3 image in the network's square, imgsz x imgsz x 3, padded with the colour `mean` (0 to 1)."""
    return Letterbox(rgb.shape[0], rgb.shape[1], imgsz).image(rgb, padding_colour(mean))


def check_single_types(dataset: Dataset, several: Several) -> None:
    """With `refuse`, raise InputError for an image with annotations of several types."""
    if several != "refuse":
        return
    names = {category.id: category.name for category in dataset.categories}
    for coco in dataset.splits.values():
        annotations = coco.by_image()
        for image in coco.images:
            types = sorted({names[a.category_id] for a in annotations[image.id] if not a.iscrowd})
            if len(types) > 1:
                problem = f"has annotations of {len(types)} types ({', '.join(types)})"
                remedy = "leave the image out, or give --several largest or multi"
                raise InputError(dataset.image_path(image), problem, remedy)


class AugmentedImages(TorchDataset[ClassifierSample]):
    """Images augmented by a seed made of the training's seed, the epoch and the number of the image.

    Indexed by (epoch, number). A sample is RGB 3 x S x S uint8 and the target of the image.
    """

    def __init__(
        self, images: TypedImages, seed: int, augmentation: ClassifierAugmentation, *, several: bool = False
    ) -> None:
        self.images = images
        self.targets = images.targets(several=several)
        self.seed = seed
        self.augmentation = augmentation

    def __getitem__(self, key: EpochKey) -> ClassifierSample:
        epoch, number = key
        random = np.random.default_rng((self.seed, epoch, number))
        square = augment(self.images.squares[number], self.augmentation, random)
        return pixels_to_tensor(square), self.targets[number]


def pixels_to_tensor(square: "NDArray[np.uint8]") -> Tensor:
    """S x S x 3 pixels as a 3 x S x S tensor."""
    return torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1)))


def collate(samples: Sequence[ClassifierSample]) -> tuple[Tensor, Tensor]:
    """A batch; a single image is repeated, because batch normalisation needs more than one value."""
    return stack(list(samples) * (2 if len(samples) == 1 else 1))


def stack(samples: Sequence[ClassifierSample]) -> tuple[Tensor, Tensor]:
    """A batch, or the part of it that one of several devices has."""
    return torch.stack([pixels for pixels, _ in samples]), torch.stack(
        [torch.as_tensor(target) for _, target in samples]
    )
