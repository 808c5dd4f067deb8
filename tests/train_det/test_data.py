"""What the network is shown: boxes equal to those of the dataset, and the same images whoever draws them."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image as PilImage
from torch.utils.data import DataLoader

from datasets.coco import Annotation, Category, Image
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.masks.rle import encode
from tests.small_coco import mask_annotation, write_folder
from train_det.data import Item, TrainingImages, outline_points, read_samples, training_loader
from train_det.options import DetectorAugmentation
from training.batches import EpochBatches

SIDE = 64


def images_of(dataset: Dataset, augmentation: DetectorAugmentation | None = None, seed: int = 0) -> TrainingImages:
    coco = dataset.splits["train"]
    return TrainingImages(read_samples(dataset, coco.images, coco.by_image()), SIDE, augmentation, seed)


def test_boxes_and_classes_are_those_of_the_dataset(dataset: Dataset) -> None:
    coco = dataset.splits["train"]
    ids = [category.id for category in dataset.categories]
    images = images_of(dataset)
    for i, image in enumerate(coco.images):
        annotations = coco.by_image()[image.id]
        scale = SIDE / max(image.width, image.height)
        large = [a for a in annotations if min(a.bbox[2:]) * scale >= 2]
        item = images[0, i]
        assert item["img"].shape == (3, SIDE, SIDE)
        assert [ids[int(k)] for k in item["cls"].flatten()] == [a.category_id for a in large]
        # square images: a fraction of the network's square is a fraction of the image
        side = max(image.width, image.height)
        for (cx, cy, w, h), a in zip(item["bboxes"].tolist(), large, strict=True):
            found = ((cx - w / 2) * side, (cy - h / 2) * side, w * side, h * side)
            assert found == pytest.approx(a.bbox, abs=1e-3)


def test_crowds_are_left_out(dataset: Dataset) -> None:
    coco = dataset.splits["train"]
    first = coco.annotations[0]
    image = next(i for i in coco.images if i.id == first.image_id)
    crowd = Annotation(1, image.id, first.category_id, first.bbox, first.area, first.segmentation, iscrowd=1)
    (sample,) = read_samples(dataset, [image], {image.id: [crowd]})
    assert sample.classes == ()


def test_a_mask_in_two_parts_and_with_a_hole_has_one_tight_outline() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[5:15, 5:15] = 1
    mask[8:12, 8:12] = 0
    mask[30:33, 20:38] = 1
    points, exact = outline_points(Annotation(1, 1, 1, (5, 5, 33, 28), int(mask.sum()), encode(mask)), 40, 40)
    assert exact
    assert (*points.min(axis=0), *points.max(axis=0)) == (5, 5, 38, 33)


def test_an_item_depends_on_seed_epoch_and_number_only(dataset: Dataset) -> None:
    images = images_of(dataset, DetectorAugmentation())
    first = images[0, 3]["img"]
    images[0, 5]
    assert torch.equal(images[0, 3]["img"], first)
    assert torch.equal(images_of(dataset, DetectorAugmentation())[0, 3]["img"], first)
    assert not torch.equal(images_of(dataset, DetectorAugmentation(), seed=1)[0, 3]["img"], first)
    assert not torch.equal(images[1, 3]["img"], first)


def loader(images: TrainingImages, workers: int) -> DataLoader[Item]:
    return training_loader(images, EpochBatches(len(images), 8, 0), workers)


def test_workers_draw_the_same_batches(dataset: Dataset) -> None:
    alone, helped = (list(loader(images_of(dataset, DetectorAugmentation()), n)) for n in (0, 2))
    assert len(alone) == len(helped) > 1
    for a, b in zip(alone, helped, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a)


def test_an_iterator_that_is_never_used_starts_no_workers(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = loader(images_of(dataset), 2)
    monkeypatch.setattr("torch.utils.data.DataLoader.__iter__", lambda _: pytest.fail("workers were started"))
    iter(unused)


def test_a_dataset_too_large_for_memory_is_read_as_needed(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = images_of(dataset)[0, 0]["img"]
    monkeypatch.setattr("train_det.data.CACHE_BYTES", 1000)
    reads: list[Path] = []
    read = __import__("train_det.data", fromlist=["read_sized"]).read_sized
    monkeypatch.setattr("train_det.data.read_sized", lambda path, *size: reads.append(path) or read(path, *size))
    images = images_of(dataset)
    assert torch.equal(images[0, 0]["img"], kept)
    images[0, 0]
    assert len(reads) == 2


def test_ignore_regions_are_painted_over_for_training_only(tmp_path: Path) -> None:
    """A dark defect, and an ignore region as a mask and another as a box, both dark, on a bright noisy ground."""
    image = Image(1, "a.png", 64, 48)
    mask = np.zeros((48, 64), np.uint8)
    mask[10:20, 10:20] = mask[15:25, 15:30] = mask[40:43, 2:8] = 1  # its last part is on the defect
    region = msgspec.structs.replace(mask_annotation(2, 1, 1, mask), iscrowd=1)
    box = Annotation(3, 1, 1, (40.5, 30.5, 6, 6), 36, [], 1)
    defect = np.zeros((48, 64), np.uint8)
    defect[40:46, 2:8] = 1
    root = write_folder(
        tmp_path / "d", {"train": [image]}, [mask_annotation(1, 1, 1, defect), region, box], [Category(1, "dent")]
    )
    pixels = np.full((48, 64, 3), (200, 180, 160), np.uint8)
    pixels[(mask | defect) > 0] = 10
    pixels[30:37, 40:47] = 10
    PilImage.fromarray(pixels).save(root / "images/a.png")
    dataset = load_dataset(root)
    given = (dataset, [image], dataset.split("train").by_image())
    plain = TrainingImages(read_samples(*given), SIDE, None, 0).read(0)
    hidden = TrainingImages(read_samples(*given, hide_ignored=True), SIDE, None, 0).read(0)
    assert np.array_equal(plain, pixels)
    expected = np.full((48, 64, 3), (200, 180, 160), np.uint8)
    expected[defect > 0] = 10
    assert np.array_equal(hidden, expected)
