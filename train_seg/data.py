"""Training data in memory: every picture is decoded, shrunk and drawn once, and kept as bytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from datasets.coco import Annotation, Category, Image
from datasets.errors import InputError
from datasets.folder import Dataset
from datasets.images import read_rgb
from datasets.masks import decode
from train_seg.letterbox import Letterbox
from train_seg.options import Augmentation

if TYPE_CHECKING:
    from numpy.typing import NDArray

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
Sample = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Cached:
    """One picture in the network's square: S x S x 3 RGB, and per category how much of a pixel it covers, 0..255.

    Coverage keeps what a mask loses when it is shrunk: where in the pixel the edge lies.
    """

    image: "NDArray[np.uint8]"
    coverage: "NDArray[np.uint8]"


def paint(
    annotations: Sequence[Annotation], indices: dict[int, int], height: int, width: int
) -> "NDArray[np.uint8]":
    """H x W index mask drawn from annotations, the smaller area on top; `indices` is category id -> 1, 2, ...

    Drawn and not read from `masks/`, so that any COCO folder will do.
    """
    canvas = np.zeros((height, width), np.uint8)
    for annotation in sorted(annotations, key=lambda a: -a.area):
        canvas[decode(annotation.segmentation, height, width) > 0] = indices[annotation.category_id]
    return canvas


def category_indices(categories: Iterable[Category]) -> dict[int, int]:
    """Pixel class of each category id: 1, 2, ... in id order."""
    return {c.id: k for k, c in enumerate(sorted(categories, key=lambda c: c.id), 1)}


def read_picture(dataset: Dataset, image: Image) -> "NDArray[np.uint8]":
    """Pixels of an image of the dataset. Raises InputError, also where the file has another size than listed."""
    path = dataset.image_path(image)
    rgb = read_rgb(path)
    if rgb.shape[:2] != (image.height, image.width):
        raise InputError(
            path,
            f"{rgb.shape[1]} x {rgb.shape[0]} pixels, listed as {image.width} x {image.height}",
            "convert the dataset anew",
        )
    return rgb


def load_cached(
    dataset: Dataset,
    images: Sequence[Image],
    annotations: dict[int, list[Annotation]],
    imgsz: int,
    progress: Progress,
) -> list[Cached]:
    """Decode and shrink `images`, in order. Raises InputError for pictures or annotations that cannot be used."""
    indices = category_indices(dataset.categories)

    def load(image: Image) -> Cached:
        box = Letterbox(image.height, image.width, imgsz)
        return Cached(
            box.image(read_picture(dataset, image)), _coverage(dataset, image, annotations[image.id], indices, box)
        )

    with ThreadPoolExecutor() as pool:
        return list(progress(pool.map(load, images), "reading pictures", len(images)))


def _coverage(
    dataset: Dataset, image: Image, annotations: list[Annotation], indices: dict[int, int], box: Letterbox
) -> "NDArray[np.uint8]":
    coverage = np.zeros((box.size, box.size, len(indices)), np.uint8)
    for annotation in annotations:
        if not annotation.segmentation:
            raise InputError(
                dataset.image_path(image),
                f"annotation {annotation.id} has a box and no segmentation",
                "a segmenter needs masks; train_det can use boxes",
            )
    if annotations:
        drawn = paint(annotations, indices, image.height, image.width)
        top, left, h, w = box.inner
        for k in np.unique(drawn[drawn > 0]):
            coverage[top : top + h, left : left + w, k - 1] = box.shrink((drawn == k).astype(np.uint8) * 255)
    return coverage


class TrainingSet(TorchDataset[Sample]):
    """Cached pictures, augmented by a seed made of the training's seed, the epoch and the picture's number.

    Indexed by (epoch, number), so that a sample is the same in any process and after any interruption. Gives RGB
    3 x S x S and coverage K x S x S, uint8.
    """

    def __init__(self, cached: Sequence[Cached], seed: int, how: Augmentation) -> None:
        from train_seg.augment import training_augmentation

        self.cached = cached
        self.seed = seed
        self.pipeline = training_augmentation(how)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        from train_seg.augment import augment

        epoch, number = key
        seed = int(np.random.SeedSequence((self.seed, epoch, number)).generate_state(1)[0])
        item = self.cached[number]
        image, coverage = augment(self.pipeline, seed, item.image, item.coverage)
        return _to_tensors(image, coverage)


class PlainSet(TorchDataset[Sample]):
    """Cached pictures as they are, in order."""

    def __init__(self, cached: Sequence[Cached]) -> None:
        self.cached = cached

    def __len__(self) -> int:
        return len(self.cached)

    def __getitem__(self, number: int) -> Sample:
        return _to_tensors(self.cached[number].image, self.cached[number].coverage)


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """Batches of (epoch, number) in an order that seed and epoch alone decide, all of nearly the same size.

    A last batch of one or two pictures would have batch statistics of its own; every picture is used all the same.
    """

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count = count
        self.batches = -(-count // batch)
        self.seed = seed
        self.epoch = 0
        self.sampler = self  # the attribute of a batch sampler where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, also after resuming."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        for part in np.array_split(order, self.batches):
            yield [(self.epoch, int(number)) for number in part]


def _to_tensors(image: "NDArray[np.uint8]", coverage: "NDArray[np.uint8]") -> Sample:
    return (
        torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
        torch.from_numpy(np.ascontiguousarray(coverage.transpose(2, 0, 1))),
    )
