from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from torch.utils.data import DataLoader

from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.masks.rle import encode
from system.errors import InputError
from train_seg.augment import augment, training_augmentation
from train_seg.data import CachedImage, PlainSet, TrainingSet, load_cached
from train_seg.options import SegmenterAugmentation
from training.batches import EpochBatches

GREY = (124, 116, 104)


def rectangle(number: int, category_id: int, x: int, y: int, w: int, h: int, size: tuple[int, int]) -> Annotation:
    mask = np.zeros(size, np.uint8)
    mask[y : y + h, x : x + w] = 1
    return Annotation(number, 1, category_id, (x, y, w, h), w * h, encode(mask))


def one_image(root: Path, pixels: np.ndarray, annotations: list[Annotation], size: tuple[int, int]) -> Dataset:
    (root / "images").mkdir(parents=True)
    cv2.imwrite(str(root / "images" / "a.png"), pixels)
    image = Image(1, "a.png", size[1], size[0])
    return Dataset(
        root, {"train": CocoFile([image], annotations, [Category(5, "chip"), Category(9, "dirt")])}, None
    )


def test_coverage_states_how_much_of_a_pixel_is_defect(tmp_path: Path) -> None:
    """A 100 x 200 image shrunk to half: a rectangle of odd width covers its last column by half."""
    defect = rectangle(1, 9, 20, 40, 31, 20, (100, 200))
    dataset = one_image(tmp_path, np.full((100, 200, 3), 80, np.uint8), [defect], (100, 200))
    (item,) = load_cached(dataset, dataset.splits["train"], 100, GREY)
    assert item.image.shape == (100, 100, 3)
    assert (item.coverage[:, :, 0] == 0).all()
    dirt = item.coverage[:, :, 1]
    top = 25 + 20
    assert (dirt[top : top + 10, 10:25] == 255).all()
    assert np.abs(dirt[top : top + 10, 25].astype(int) - 128).max() <= 1
    assert np.count_nonzero(dirt) == 10 * 16


@pytest.mark.parametrize("kind", ["grey", "grey16", "rgba"])
def test_every_pixel_type_becomes_rgb(tmp_path: Path, kind: str) -> None:
    pixels = {
        "grey": np.full((64, 64), 100, np.uint8),
        "grey16": np.full((64, 64), 100 * 256, np.uint16),
        "rgba": np.dstack([np.full((64, 64, 3), 100, np.uint8), np.full((64, 64), 9, np.uint8)]),
    }[kind]
    dataset = one_image(tmp_path, pixels, [], (64, 64))
    (item,) = load_cached(dataset, dataset.splits["train"], 64, GREY)
    assert (item.image == 100).all()


def test_what_is_outside_of_a_wide_image_has_the_colour_asked_for(tmp_path: Path) -> None:
    """100 x 200 pixels in a square of 64: 16 rows above and 16 below are padding."""
    dataset = one_image(tmp_path, np.full((100, 200, 3), 80, np.uint8), [], (100, 200))
    (item,) = load_cached(dataset, dataset.splits["train"], 64, (1, 2, 3))
    outside = np.vstack([item.image[:16], item.image[48:]])
    assert (outside == (1, 2, 3)).all()
    assert (item.image[16:48] == 80).all()


def test_an_image_of_another_size_than_listed_is_refused(tmp_path: Path) -> None:
    dataset = one_image(tmp_path, np.zeros((30, 40), np.uint8), [], (40, 30))
    with pytest.raises(InputError, match="40 x 30 pixels, listed as 30 x 40"):
        load_cached(dataset, dataset.splits["train"], 64, GREY)


def test_a_box_without_mask_cannot_train_a_segmenter(tmp_path: Path) -> None:
    box = Annotation(7, 1, 5, (1, 1, 5, 5), 25)
    dataset = one_image(tmp_path, np.zeros((30, 40), np.uint8), [box], (30, 40))
    with pytest.raises(InputError, match="annotation 7 has a box and no segmentation"):
        load_cached(dataset, dataset.splits["train"], 64, GREY)


def test_coverage_equals_the_pixel_masks_of_the_converter(coco_folder: Path) -> None:
    """The bottles are 96 x 96, so that nothing is shrunk."""
    dataset = load_dataset(coco_folder)
    for coco in dataset.splits.values():
        for image, item in zip(coco.images, load_cached(dataset, coco, 96, GREY), strict=True):
            stored = np.asarray(PillowImage.open(dataset.mask_path(image)))
            for k in range(1, len(coco.categories) + 1):
                assert np.array_equal(item.coverage[..., k - 1] == 255, stored == k)
            assert set(np.unique(item.coverage)) <= {0, 255}


def sample() -> CachedImage:
    rng = np.random.default_rng(0)
    coverage = np.zeros((64, 64, 2), np.uint8)
    coverage[10:20, 30:50, 0] = 255
    return CachedImage(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), coverage)


def test_a_sample_depends_on_seed_epoch_and_number_only() -> None:
    items = [sample(), sample()]
    first, second = (
        TrainingSet(items, 3, SegmenterAugmentation(), GREY),
        TrainingSet(items, 3, SegmenterAugmentation(), GREY),
    )
    second[7, 0], second[1, 1]
    for key in ((0, 0), (0, 1), (5, 0)):
        for a, b in zip(first[key], second[key], strict=True):
            assert np.array_equal(a, b)
    assert not np.array_equal(first[0, 0][0], first[1, 0][0])
    assert not np.array_equal(first[0, 0][0], first[0, 1][0])
    assert not np.array_equal(first[0, 0][0], TrainingSet(items, 4, SegmenterAugmentation(), GREY)[0, 0][0])


def test_the_coverage_moves_with_the_image() -> None:
    """Where the image is bright, and only there, the coverage is; through any augmentation."""
    image = np.full((96, 96, 3), 60, np.uint8)
    image[30:50, 60:80] = 220
    coverage = np.zeros((96, 96, 1), np.uint8)
    coverage[30:50, 60:80] = 255
    pipeline = training_augmentation(SegmenterAugmentation(), GREY)
    for seed in range(20):
        moved, cover = augment(pipeline, seed, image, coverage)
        bright = moved.max(axis=2) > 165
        covered = cover[..., 0] > 127
        overlap = (bright & covered).sum() / (bright | covered).sum()
        assert overlap > 0.75, seed


def test_plain_samples_are_untouched() -> None:
    item = sample()
    image, coverage = PlainSet([item])[0]
    assert np.array_equal(image.permute(1, 2, 0), item.image)
    assert np.array_equal(coverage.permute(1, 2, 0), item.coverage)


def test_processes_beside_change_nothing() -> None:
    data, batches = (
        TrainingSet([sample(), sample(), sample()], 3, SegmenterAugmentation(), GREY),
        EpochBatches(3, 2, seed=3),
    )
    alone, beside = (DataLoader(data, batch_sampler=batches, num_workers=workers) for workers in (0, 2))
    for here, there in zip(alone, beside, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))
