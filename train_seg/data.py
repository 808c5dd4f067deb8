"""Training data in memory: every picture is decoded, shrunk and drawn once, and kept as bytes."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from datasets.coco import Annotation, CocoFile, Image
from datasets.formats.dataset_folder import Dataset
from evaluate.pixels import paint_annotations, type_indices
from system.console import progress
from system.errors import InputError
from train_seg.letterbox import Letterbox
from train_seg.options import Augmentation

if TYPE_CHECKING:
    from numpy.typing import NDArray

Sample = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Cached:
    """One picture in the network's square: S x S x 3 RGB, and per category how much of a pixel it covers, 0..255.

    Coverage keeps what a mask loses when it is shrunk: where in the pixel the edge lies.
    """

    image: "NDArray[np.uint8]"
    coverage: "NDArray[np.uint8]"


def load_cached(dataset: Dataset, coco: CocoFile, imgsz: int) -> list[Cached]:
    """Decode and shrink the images of `coco`, in order.

    Raises InputError for pictures or annotations that cannot be used.
    """
    annotations, indices = coco.by_image(), type_indices(coco)

    def load(image: Image) -> Cached:
        box = Letterbox(image.height, image.width, imgsz)
        square = box.image(dataset.read_image(image))
        return Cached(square, _coverage(dataset, image, annotations[image.id], indices, box))

    with ThreadPoolExecutor() as pool:
        return list(progress(pool.map(load, coco.images), "reading pictures", len(coco.images)))


def _coverage(
    dataset: Dataset, image: Image, annotations: list[Annotation], indices: dict[int, int], box: Letterbox
) -> "NDArray[np.uint8]":
    """Painted from the annotations, not read from `masks/`, so that any COCO folder will do."""
    coverage = np.zeros((box.size, box.size, len(indices)), np.uint8)
    for annotation in annotations:
        if not annotation.segmentation:
            raise InputError(
                dataset.image_path(image),
                f"annotation {annotation.id} has a box and no segmentation",
                "a segmenter needs masks; train_det can use boxes",
            )
    if annotations:
        painted = paint_annotations(image, annotations, indices)
        top, left, h, w = box.inner
        for k in np.unique(painted[painted > 0]):
            coverage[top : top + h, left : left + w, k - 1] = box.shrink((painted == k).astype(np.uint8) * 255)
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
