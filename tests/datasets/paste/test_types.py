"""Pasting with a given type for each new image."""

from pathlib import Path

import numpy as np
import pytest

from datasets.coco import Annotation, Image
from datasets.formats.dataset_folder import load_dataset
from datasets.paste.compose import paste_images
from datasets.paste.source import PasteImage, list_paste_images
from system.errors import InputError
from tests.small_coco import mask_annotation


def given(coco_folder: Path) -> list[PasteImage]:
    dataset = load_dataset(coco_folder)
    return list_paste_images(dataset, dataset.split("train").images)


def test_the_new_images_have_the_types(coco_folder: Path) -> None:
    types = [3, 1, 1, 2, 3]
    made = list(paste_images(given(coco_folder), 5, 0, types=types))
    assert [{a.category_id for a in one.annotations} for one in made] == [{k} for k in types]
    assert [one.image.file_name for one in made] == [f"paste/{i:04d}.png" for i in range(5)]


def test_alternating_types_are_the_default(coco_folder: Path) -> None:
    one, other = (
        list(paste_images(given(coco_folder), 6, 4, types=types)) for types in (None, [1, 2, 3, 1, 2, 3])
    )
    for left, right in zip(one, other, strict=True):
        assert (left.rgb == right.rgb).all()
        assert left.origins == right.origins


def square(image_id: int, category: int) -> Annotation:
    mask = np.zeros((64, 64), np.uint8)
    mask[20 + 12 * category : 28 + 12 * category, 20:28] = 1
    return mask_annotation(10 * image_id + category, image_id, category, mask)


def paste_image(image_id: int, *categories: int) -> PasteImage:
    pixels = np.random.default_rng(image_id).integers(90, 110, (64, 64, 3), dtype=np.uint8)
    annotations = [square(image_id, category) for category in categories]
    return PasteImage(Image(image_id, f"{image_id}.png", 64, 64), annotations, lambda: pixels)


def test_an_image_with_several_types_is_not_a_source_of_one_type() -> None:
    images = [paste_image(1), paste_image(2, 1, 2), paste_image(3, 1)]
    made = list(paste_images(images, 3, 0, place="anywhere", types=[1, 1, 1]))
    assert {origin.source for one in made for origin in one.origins} == {"3.png"}
    with pytest.raises(InputError, match="no training image shows only defects of category 2"):
        paste_images(images, 1, 0, place="anywhere", types=[2])
