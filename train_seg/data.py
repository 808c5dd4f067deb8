"""Training data in memory: every image is decoded and shrunk once, its masks painted once, all kept as bytes."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from datasets.coco import Annotation, CocoFile, Image
from datasets.formats.dataset_folder import Dataset
from evaluate.pixels import ignored_pixels, paint_annotations, type_indices
from features.good_map import GoodMap
from system.console import progress
from system.errors import InputError
from train_seg.box_lines import box_lines
from train_seg.options import SegmenterAugmentation
from training.batches import EpochKey
from training.good_channel import with_map
from training.letterbox import Letterbox

if TYPE_CHECKING:
    from numpy.typing import NDArray

SegmenterSample = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class CachedImage:
    """One image in the input square: S x S x 3 RGB, and the coverage of each pixel, 0..255.

    The coverage is S x S x (K + 1): one channel for each category, the last for ignore regions, whose pixels are
    left out of the loss. Unlike a shrunk mask, it keeps the position of an edge within a pixel. `scores` is the
    map of the distance from good images, S x S x 1, 0..255, with `--good-map`. `lines` are the bands of boxes
    whose masks are estimated, S x S x 2 (train_seg.box_lines).
    """

    image: "NDArray[np.uint8]"
    coverage: "NDArray[np.uint8]"
    scores: "NDArray[np.uint8] | None" = None
    lines: "NDArray[np.uint8] | None" = None


def load_cached(
    dataset: Dataset,
    coco: CocoFile,
    imgsz: int,
    padding: tuple[int, int, int],
    good_map: GoodMap | None = None,
    estimated: AbstractSet[int] = frozenset(),
) -> list[CachedImage]:
    """Decode and shrink the images of `coco`, in order, padded with the colour `padding` to squares.

    With `good_map`, its scores are added, those of images that it learnt by the other good images. `estimated` are
    the ids of annotations that had a box only; with any, every image has bands of boxes.
    Raises InputError for images or annotations that cannot be used.
    """
    annotations, indices = coco.by_image(), type_indices(coco)

    def load(image: Image) -> CachedImage:
        box = Letterbox(image.height, image.width, imgsz)
        rgb = dataset.read_image(image)
        coverage = _coverage(dataset, image, annotations[image.id], indices, box)
        boxes = [a.bbox for a in annotations[image.id] if a.id in estimated]
        lines = box_lines(boxes, box) if estimated else None
        if good_map is None:
            return CachedImage(box.image(rgb, padding), coverage, lines=lines)
        both = box.image(with_map(rgb, good_map, dataset.sha256(image)), (*padding, 0))
        return CachedImage(np.ascontiguousarray(both[:, :, :3]), coverage, both[:, :, 3:], lines)

    with ThreadPoolExecutor() as pool:
        return list(progress(pool.map(load, coco.images), "reading images", len(coco.images)))


def _coverage(
    dataset: Dataset, image: Image, annotations: list[Annotation], indices: dict[int, int], box: Letterbox
) -> "NDArray[np.uint8]":
    """Paint the coverage from the annotations; `masks/` is not read, so any COCO folder can be used."""
    coverage = np.zeros((box.size, box.size, len(indices) + 1), np.uint8)
    for annotation in annotations:
        if not annotation.segmentation:
            raise InputError(
                dataset.image_path(image),
                f"annotation {annotation.id} has a box and no segmentation",
                "a segmenter needs masks; train_det can use boxes, or estimate them with --from-boxes",
            )
    if annotations:
        painted = paint_annotations(image, annotations, indices)
        top, left, h, w = box.inner
        for k in np.unique(painted[painted > 0]):
            coverage[top : top + h, left : left + w, k - 1] = box.shrink((painted == k).astype(np.uint8) * 255)
        ignored = ignored_pixels(image, annotations)
        if ignored.any():
            coverage[top : top + h, left : left + w, -1] = box.shrink(ignored.astype(np.uint8) * 255)
    return coverage


class TrainingSet(TorchDataset[SegmenterSample]):
    """Cached images, augmented with a seed made from the seed of the training, the epoch and the image number.

    Indexed by (epoch, number). A sample is RGB 3 x S x S and coverage (K + 1) x S x S, uint8. With `--good-map`
    the scores are a fourth channel of the image; in a share `drop` of the samples they are 0. Bands of boxes are
    two more channels of the coverage.
    """

    def __init__(
        self,
        cached: Sequence[CachedImage],
        seed: int,
        augmentation: SegmenterAugmentation,
        padding: tuple[int, int, int],
        drop: float = 0.0,
    ) -> None:
        from train_seg.augment import training_augmentation

        self.cached = cached
        self.drop = drop
        self.seed = seed
        numbered = any(item.lines is not None for item in cached)
        self.pipeline = training_augmentation(augmentation, padding, numbered=numbered)

    def __getitem__(self, key: EpochKey) -> SegmenterSample:
        from train_seg.augment import augment

        epoch, number = key
        seed = int(np.random.SeedSequence((self.seed, epoch, number)).generate_state(1)[0])
        item = self.cached[number]
        coverage = item.coverage if item.lines is None else np.dstack([item.coverage, item.lines])
        if item.scores is None:
            return _to_tensors(*augment(self.pipeline, seed, item.image, coverage))
        image, both = augment(self.pipeline, seed, item.image, np.dstack([coverage, item.scores]))
        kept = np.random.default_rng((self.seed, epoch, number, 1)).random() >= self.drop
        return _to_tensors(np.dstack([image, both[:, :, -1] * np.uint8(kept)]), both[:, :, :-1])


class PlainSet(TorchDataset[SegmenterSample]):
    """Cached images without augmentation, in order."""

    def __init__(self, cached: Sequence[CachedImage]) -> None:
        self.cached = cached

    def __len__(self) -> int:
        return len(self.cached)

    def __getitem__(self, number: int) -> SegmenterSample:
        item = self.cached[number]
        return _to_tensors(
            item.image if item.scores is None else np.dstack([item.image, item.scores]), item.coverage
        )


def _to_tensors(image: "NDArray[np.uint8]", coverage: "NDArray[np.uint8]") -> SegmenterSample:
    return (
        torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
        torch.from_numpy(np.ascontiguousarray(coverage.transpose(2, 0, 1))),
    )
