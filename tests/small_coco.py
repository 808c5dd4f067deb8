"""Small COCO dataset folders drawn by tests: images of plain colour and the annotations a case needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from datasets.coco import Annotation, Category, Image, Segmentation
from datasets.formats.dataset_folder import write_annotations
from datasets.masks.rle import encode, rle_area, rle_box

CATEGORIES = (Category(3, "dent"), Category(7, "scratch"))


def mask_annotation(number: int, image_id: int, category_id: int, mask: np.ndarray) -> Annotation:
    """An annotation of all pixels of `mask`."""
    rle = encode(mask)
    return Annotation(number, image_id, category_id, rle_box(rle), rle_area(rle), rle)


def box_annotation(
    number: int, image_id: int, category_id: int, box: Sequence[float], segmentation: Segmentation | None = None
) -> Annotation:
    """An annotation of a box, or of a segmentation with that box."""
    x, y, w, h = box
    return Annotation(number, image_id, category_id, (x, y, w, h), w * h, segmentation or [])


def write_folder(
    root: Path,
    members: Mapping[str, Sequence[Image]],
    annotations: Sequence[Annotation],
    categories: Sequence[Category] = CATEGORIES,
) -> Path:
    """Write the dataset folder `root`; images differ in colour, so that no two are equal."""
    root.mkdir(parents=True)
    write_annotations(
        root, {s: list(images) for s, images in members.items()}, list(annotations), list(categories)
    )
    for image in (image for images in members.values() for image in images):
        path = root / "images" / image.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = (40 * image.id % 256, 90, 200 - 30 * image.id % 200)
        PilImage.new("RGB", (image.width, image.height), colour).save(path)
    return root
