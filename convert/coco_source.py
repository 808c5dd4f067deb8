"""What a conversion from COCO reads: a dataset folder, or one COCO file with its pictures somewhere near."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import MAX_COORDINATE, SPLITS, Annotation, Category, CocoFile, Image, Rle
from datasets.formats.coco_file import read_coco
from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class CocoImage(msgspec.Struct, frozen=True):
    """One image with its split and its annotations, in the order of the file."""

    image: Image
    split: str
    annotations: list[Annotation]

    @property
    def file_name(self) -> str:
        """Its name in the dataset, relative to the pictures' folder, with forward slashes."""
        return self.image.file_name


class CocoSource(msgspec.Struct, frozen=True):
    """`images` sorted by file name; `folder` is where their pictures lie, `path` what the user named."""

    path: Path
    folder: Path
    splits: list[str]
    categories: list[Category]
    images: list[CocoImage]

    def picture(self, image: CocoImage) -> Path:
        """Where the picture of an image lies."""
        return self.folder / image.file_name

    def places(self) -> list[Path]:
        """What a destination must lie apart from; it may lie beside a COCO file and its pictures."""
        return [self.path, *(self.picture(image) for image in self.images[:1])]

    def annotations(self) -> int:
        """How many annotations all images have together."""
        return sum(len(image.annotations) for image in self.images)


def read_coco_source(path: Path, folder: Path | None = None) -> CocoSource:
    """Read a COCO dataset folder or a single COCO file; `folder` is where the pictures of a file lie.

    Without `folder`, pictures of a file are looked for beside it and in `images` beside it or one level up. A file
    named instances_<split>.json is that split, any other is train. Raises InputError.
    """
    if path.is_dir():
        dataset = load_dataset(path, flat_ok=True)
        return _source(path, folder or path / "images", dataset.splits, dataset.categories)
    coco = read_coco(path, flat_ok=True)
    split = path.stem.removeprefix("instances_")
    splits = {split if split in SPLITS else SPLITS[0]: coco}
    return _source(path, folder or _find_folder(path, coco), splits, sorted(coco.categories, key=lambda c: c.id))


def check_pictures(source: CocoSource) -> None:
    """Raise InputError for the first image whose picture is missing."""
    for image in source.images:
        if not source.picture(image).is_file():
            remedy = "name the folder of the pictures with --images"
            raise InputError(source.picture(image), f"listed in {source.path.name} but missing", remedy)


def instance_mask(image: Image, annotation: Annotation) -> "NDArray[np.uint8]":
    """H x W uint8 mask of 0 and 1 of an annotation, all 0 where it has no segmentation. Raises InputError."""
    from datasets.masks.rle import decode
    from datasets.masks.run_lengths import covers_image

    segmentation = annotation.segmentation
    where = f"{image.file_name}, annotation {annotation.id}"
    if isinstance(segmentation, Rle) and segmentation.size != (image.height, image.width):
        height, width = segmentation.size
        problem = f"a mask of {width} x {height} pixels in an image of {image.width} x {image.height}"
        raise InputError(where, problem, "correct the size")
    if isinstance(segmentation, Rle) and not covers_image(segmentation, image.height, image.width):
        raise InputError(where, "the run lengths of its mask do not fill the image", "correct its segmentation")
    if not isinstance(segmentation, Rle) and any(len(p) < 6 or len(p) % 2 for p in segmentation):
        raise InputError(where, "a polygon is no list of three or more x, y pairs", "correct its segmentation")
    polygons = [] if isinstance(segmentation, Rle) else segmentation
    if any(abs(v) > MAX_COORDINATE for polygon in polygons for v in polygon):
        problem = f"a polygon leads more than {MAX_COORDINATE:g} pixels away"
        raise InputError(where, problem, "correct its segmentation")
    return decode(segmentation, image.height, image.width)


def _source(path: Path, folder: Path, splits: dict[str, CocoFile], categories: Sequence[Category]) -> CocoSource:
    images = []
    for split, coco in splits.items():
        annotations = coco.by_image()
        images += [CocoImage(image, split, annotations[image.id]) for image in coco.images]
    return CocoSource(path, folder, list(splits), list(categories), sorted(images, key=lambda i: i.file_name))


def _find_folder(path: Path, coco: CocoFile) -> Path:
    candidates = (path.parent, path.parent / "images", path.parent.parent / "images")
    for candidate in candidates:
        if coco.images and (candidate / coco.images[0].file_name).is_file():
            return candidate
    return path.parent
