"""Dataset folders at the edge of what people have: each small, with dark squares as defects on a light ground."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from datasets.coco import Annotation, Category, Image
from tests.restarting_ids import restart_ids
from tests.small_coco import mask_annotation, write_folder

DENT, SCRATCH = Category(1, "dent"), Category(2, "scratch")
Sizes = Sequence[tuple[int, int]]


def odd_folder(
    root: Path,
    sizes: Sizes = ((64, 64),) * 6,
    *,
    good: Sequence[int] = (2,),
    categories: Sequence[Category] = (DENT, SCRATCH),
    splits: Sequence[str] = ("train", "train", "train", "val", "test", "test"),
    side: int = 12,
) -> Path:
    """Images of `sizes` (height, width), those numbered in `good` without the square of `side` pixels."""
    members: dict[str, list[Image]] = {split: [] for split in dict.fromkeys(splits)}
    annotations: list[Annotation] = []
    for number, ((height, width), split) in enumerate(zip(sizes, splits, strict=True)):
        members[split].append(Image(number + 1, f"{number}.png", width, height))
        if number not in good:
            category = categories[number % len(categories)]
            mask = np.zeros((height, width), np.uint8)
            mask[4 : 4 + side, 3 : 3 + side] = 1
            annotations.append(mask_annotation(number + 1, number + 1, category.id, mask))
    write_folder(root, members, annotations, categories)
    for number, (height, width) in enumerate(sizes):
        pixels = np.random.default_rng(number).integers(180, 220, (height, width, 3), dtype=np.uint8)
        if number not in good:
            pixels[4 : 4 + side, 3 : 3 + side] = 30
        cv2.imwrite(str(root / "images" / f"{number}.png"), pixels)
    return root


def one_image_of_one_class(root: Path) -> Path:
    """A single training image; nothing to validate or test on."""
    return odd_folder(root, ((64, 64),), good=(), categories=(DENT,), splits=("train",))


def one_class(root: Path) -> Path:
    """Every defect is of the one type."""
    return odd_folder(root, categories=(DENT,))


def without_negatives(root: Path) -> Path:
    """Every image has a defect."""
    return odd_folder(root, good=())


def a_class_that_no_image_shows(root: Path) -> Path:
    """Three categories of which one has no annotation."""
    return odd_folder(root, categories=(DENT, SCRATCH, *[Category(k, f"never{k}") for k in range(9, 19)]))


def nothing_to_find_in_test(root: Path) -> Path:
    """Nothing to find in val and test."""
    return odd_folder(root, good=(3, 4, 5))


def mixed_sizes(root: Path) -> Path:
    """Wide, tall, smaller and larger than the network's square."""
    return odd_folder(root, ((64, 64), (20, 150), (90, 30), (17, 16), (200, 210), (64, 63)))


def tiny_defects(root: Path) -> Path:
    """Each defect is a single pixel of a larger image, less than one of the network's square."""
    return odd_folder(root, ((300, 300),) * 6, side=1)


def mixed_pixel_types(root: Path) -> Path:
    """Grey, 16-bit grey, RGBA, 16-bit RGB, 1-bit and grey with alpha."""
    odd_folder(root)
    for number in range(6):
        path = root / "images" / f"{number}.png"
        rgb = cv2.imread(str(path))
        grey = rgb[..., 0]
        kinds = (
            grey,
            grey.astype(np.uint16) * 257,
            cv2.cvtColor(rgb, cv2.COLOR_BGR2BGRA),
            rgb.astype(np.uint16) * 257,
            np.where(grey > 100, 255, 0).astype(np.uint8),
            np.dstack([rgb, grey]),
        )
        cv2.imwrite(str(path), kinds[number])
    return root


def ids_that_restart(root: Path) -> Path:
    """Image and annotation ids count from 0 in each split."""
    return restart_ids(odd_folder(root))


TRAINED = (
    one_image_of_one_class, one_class, without_negatives, a_class_that_no_image_shows, nothing_to_find_in_test,
    mixed_sizes, tiny_defects, mixed_pixel_types, ids_that_restart,
)  # fmt: skip


def truncated(root: Path) -> str:
    """Cut a training image in half; returns the expected message."""
    path = root / "images" / "1.png"
    path.write_bytes(path.read_bytes()[:100])
    return "1.png: the PNG is truncated"


def missing(root: Path) -> str:
    """Remove a training image."""
    (root / "images" / "1.png").unlink()
    return "1.png: listed in instances_train.json but missing"


def not_an_image(root: Path) -> str:
    """Put a text where an image was."""
    (root / "images" / "1.png").write_text("not an image")
    return "1.png: cannot be read as an image (not an image)"


def resized(root: Path) -> str:
    """Put an image of another size there."""
    cv2.imwrite(str(root / "images" / "1.png"), np.zeros((10, 20, 3), np.uint8))
    return "1.png: 20 x 10 pixels"


REFUSED = (truncated, missing, not_an_image, resized)
