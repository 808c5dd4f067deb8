"""Training images of a dataset folder, augmented in every epoch, in the form for the loss of Ultralytics."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from datasets.coco import Annotation, Image
from datasets.formats.dataset_folder import Dataset
from datasets.images.bit_depth import IntensityRange
from datasets.images.image_file import read_image_bytes
from datasets.images.pixels import read_sized
from datasets.masks.rle import decode
from features.good_map import GoodMap
from train_det.augment import Matrix, draw_map, jitter_colours, warp_box, warp_image
from train_det.hidden_regions import hide_regions
from train_det.instance_maps import instance_maps, small_mask
from train_det.options import DetectorAugmentation
from training.batches import EpochBatches, EpochKey
from training.good_channel import with_map
from training.letterbox import Letterbox

CACHE_BYTES = 4 << 30
CACHE_OVERSIZE = 2
POINTS_PER_SIDE = 64
Item = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Sample:
    """An image and its defects: class k is the k-th category, `edges` the points of each outline in image pixels.

    `exact`: the outlines follow masks, not boxes. `intensities`: see Dataset. `masks`: of each defect, for a model
    that learns masks (train_det.instance_maps). `hidden`: ignore regions, painted with the colour of the border
    except for the pixels of `shown`, the defects.
    """

    path: Path
    width: int
    height: int
    classes: tuple[int, ...]
    edges: tuple[NDArray[np.float32], ...]
    exact: bool
    intensities: tuple[IntensityRange, ...] = ()
    masks: tuple[NDArray[np.uint8], ...] | None = None
    hidden: tuple[Annotation, ...] = ()
    shown: tuple[Annotation, ...] = ()


def read_samples(
    dataset: Dataset,
    images: Sequence[Image],
    annotations: Mapping[int, Sequence[Annotation]],
    masks_for: int = 0,
    *,
    hide_ignored: bool = False,
) -> list[Sample]:
    """Samples of `images`; `annotations` by image id. Ignore regions are left out: they are not single defects.

    The loss of Ultralytics cannot leave pixels out, so an ignore region would be learnt as background. With
    `hide_ignored`, for training, its pixels are painted over and nothing of it is learnt.
    With `masks_for`, the side of the square, the samples have masks. Raises InputError if an annotation has none.
    """
    class_of = {category.id: k for k, category in enumerate(dataset.categories)}
    samples = []
    for image in images:
        single = [a for a in annotations[image.id] if not a.iscrowd]
        outlines = [outline_points(a, image.height, image.width) for a in single]
        samples.append(
            Sample(
                dataset.image_path(image),
                image.width,
                image.height,
                tuple(class_of[a.category_id] for a in single),
                tuple(points for points, _ in outlines),
                all(exact for _, exact in outlines),
                tuple(dataset.intensities),
                tuple(small_mask(a, image, masks_for) for a in single) if masks_for else None,
                tuple(a for a in annotations[image.id] if a.iscrowd) if hide_ignored else (),
                tuple(single) if hide_ignored and len(single) < len(annotations[image.id]) else (),
            )
        )
    return samples


def outline_points(annotation: Annotation, height: int, width: int) -> tuple[NDArray[np.float32], bool]:
    """Points N x 2 around a defect in pixels, and whether they follow its mask (or only its box)."""
    mask = decode(annotation.segmentation, height, width)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if contours:
        pixels = np.concatenate(contours)[:, 0]
        corners = pixels[:, None] + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        return np.unique(corners.reshape(-1, 2), axis=0).astype(np.float32), True
    x, y, w, h = annotation.bbox
    t = np.linspace(0, 1, POINTS_PER_SIDE)
    zero, one = np.zeros_like(t), np.ones_like(t)
    unit = np.concatenate([np.stack(side, 1) for side in ((t, zero), (t, one), (zero, t), (one, t))])
    return (unit * [w, h] + [x, y]).astype(np.float32), False


class TrainingImages(TorchDataset[Item]):
    """Items with img (3 x side x side uint8 RGB), cls (n x 1), bboxes (n x 4, xywh as fractions) and batch_idx.

    With `good_map`, its scores are a fourth channel; in a share `drop` of the items it is 0.

    Indexed by (epoch, number). An item depends only on seed, epoch and number, not on workers, order or
    interruptions.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        side: int,
        augmentation: DetectorAugmentation | None,
        seed: int,
        good_map: GoodMap | None = None,
        drop: float = 0.0,
    ) -> None:
        self.good_map = good_map
        self.drop = drop
        self.samples = samples
        self.side = side
        self.augmentation = augmentation
        self.seed = seed
        fits = len(samples) * 3 * (CACHE_OVERSIZE * side) ** 2 <= CACHE_BYTES
        self._cache: dict[int, NDArray[np.uint8]] | None = {} if fits else None

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: EpochKey) -> Item:
        epoch, number = key
        sample = self.samples[number]
        image = self.read(number)
        matrix = Letterbox(sample.height, sample.width, self.side).matrix
        random = np.random.default_rng((self.seed, epoch, number))
        if self.augmentation:
            matrix = draw_map(self.augmentation, self.side, random) @ matrix
        drawn = _draw(image, sample.width, sample.height, matrix, self.side)
        if self.augmentation:
            drawn[..., :3] = jitter_colours(np.ascontiguousarray(drawn[..., :3]), self.augmentation, random)
        if self.drop and np.random.default_rng((self.seed, epoch, number, 1)).random() < self.drop:
            drawn[..., 3:] = 0
        boxes = [warp_box(points, matrix, self.side) for points in sample.edges]
        kept = [(i, k, box) for i, (k, box) in enumerate(zip(sample.classes, boxes, strict=True)) if box]
        corners = np.array([box for _, _, box in kept], np.float32).reshape(-1, 4) / self.side
        xywh = np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1)
        item = {
            "img": torch.from_numpy(drawn.transpose(2, 0, 1).copy()),
            "cls": torch.tensor([[float(k)] for _, k, _ in kept]).reshape(-1, 1),
            "bboxes": torch.from_numpy(xywh),
            "batch_idx": torch.zeros(len(kept)),
        }
        if sample.masks is not None:
            masks, classes = [sample.masks[i] for i, _, _ in kept], [k for _, k, _ in kept]
            item |= instance_maps(masks, classes, (sample.width, sample.height), matrix, self.side)
        return item

    def read(self, number: int) -> NDArray[np.uint8]:
        """The decoded and shrunk image, kept in memory if all images fit. Raises InputError."""
        if self._cache is not None and number in self._cache:
            return self._cache[number]
        sample = self.samples[number]
        image = read_sized(sample.path, sample.width, sample.height, sample.intensities)
        if sample.hidden:
            image = hide_regions(image, sample.hidden, sample.shown)
        if self.good_map:
            image = with_map(image, self.good_map, hashlib.sha256(read_image_bytes(sample.path)).hexdigest())
        small = shrink(image, CACHE_OVERSIZE * self.side)
        if self._cache is not None:
            self._cache[number] = small
        return small


class LateLoader(DataLoader[Item]):
    """A DataLoader that starts its workers with the first batch: Ultralytics creates iterators it never uses."""

    def __iter__(self) -> Iterator[Item]:  # type: ignore[override]
        yield from super().__iter__()


def training_loader(images: TrainingImages, batches: EpochBatches, workers: int) -> LateLoader:
    """The `batches` of `images`, collated."""
    return LateLoader(images, batch_sampler=batches, num_workers=workers, collate_fn=collate)


def draw_square(image: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], Matrix]:
    """H x W x C `image` (C 3 or 4) in the middle of a square of `side` pixels, and the 3 x 3 map into that square.

    Training images without augmentation get the same map, so a model sees the same in training and in use.
    """
    height, width = image.shape[:2]
    matrix = Letterbox(height, width, side).matrix
    return _draw(shrink(image, CACHE_OVERSIZE * side), width, height, matrix, side), matrix


def _draw(image: NDArray[np.uint8], width: int, height: int, matrix: Matrix, side: int) -> NDArray[np.uint8]:
    shrunk = np.diag([width / image.shape[1], height / image.shape[0], 1.0])
    return warp_image(image, matrix @ shrunk, side)


def collate(items: list[Item]) -> Item:
    """One batch: stacked images and maps, and the boxes of all images in one list, with the number of their image
    in `batch_idx`.
    """
    maps = [key for key in ("masks", "sem_masks") if key in items[0]]
    return {
        **{key: torch.stack([item[key] for item in items]) for key in ("img", *maps)},
        "cls": torch.cat([item["cls"] for item in items]),
        "bboxes": torch.cat([item["bboxes"] for item in items]),
        "batch_idx": torch.cat([item["batch_idx"] + i for i, item in enumerate(items)]),
    }


def on_device(batch: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    """A collated batch on `device`, pixels from 0 to 1, in the memory layout that is fastest for convolutions."""
    moved = {key: tensor.to(device) for key, tensor in batch.items()}
    moved["img"] = (moved["img"].float() / 255).contiguous(memory_format=torch.channels_last)
    return moved


def shrink(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """`image` shrunk by averaging to a longer side of at most `side` pixels; unchanged if it is smaller."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller: NDArray[np.uint8] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return smaller
