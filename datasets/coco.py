"""COCO files as value types: instances and results.

Boxes are `[x, y, w, h]` in pixels with x + w one past the last pixel; areas are pixel counts.
Source: https://cocodataset.org/#format-data and #format-results.
"""

from typing import Literal

import msgspec

SPLITS = ("train", "val", "test")
Box = tuple[int | float, int | float, int | float, int | float]


class Rle(msgspec.Struct, frozen=True):
    """Run-length encoded mask: size is (height, width) in pixels.

    Counts are compressed text or plain run lengths.
    """

    size: tuple[int, int]
    counts: str | list[int]


MAX_PIXELS = 2**32 - 1  # limit of pycocotools, which counts with 32 bits
MIN_RING_VALUES = 6  # of a polygon: three x, y pairs
MAX_COORDINATE = 1e5  # pixels; limits the run time of pycocotools, which follows the whole outline
Polygons = list[list[int | float]]
Segmentation = Rle | Polygons
SegmentationForm = Literal["rle", "polygon", "auto"]  # auto: the shorter form, if both give the same pixels


class Category(msgspec.Struct, frozen=True):
    """A defect type."""

    id: int
    name: str
    supercategory: str = "defect"


class Image(msgspec.Struct, frozen=True):
    """An image; `file_name` is relative to the dataset's `images` folder, with forward slashes."""

    id: int
    file_name: str
    width: int
    height: int


class Annotation(msgspec.Struct, frozen=True):
    """One defect instance of the ground truth."""

    id: int
    image_id: int
    category_id: int
    bbox: Box
    area: int | float
    segmentation: Segmentation = msgspec.field(default_factory=list)
    iscrowd: int = 0


class CocoFile(msgspec.Struct, frozen=True):
    """The content of one `instances_*.json`."""

    images: list[Image]
    annotations: list[Annotation]
    categories: list[Category]
    info: dict[str, object] = {}
    licenses: list[object] = []

    def by_image(self) -> dict[int, list[Annotation]]:
        """The annotations of each image id; an empty list for a negative."""
        annotations: dict[int, list[Annotation]] = {image.id: [] for image in self.images}
        for annotation in self.annotations:
            annotations[annotation.image_id].append(annotation)
        return annotations

    def defective(self) -> set[int]:
        """The ids of defective images: those with an annotation that is not an ignore region."""
        return {annotation.image_id for annotation in self.annotations if not annotation.iscrowd}

    def only_ignored(self) -> set[int]:
        """The ids of images whose annotations are all ignore regions: neither defective nor negatives.

        The pixels of an ignore region may show a defect, so such an image is not an example of a good part.
        Training leaves it out, and splits treat it separately from good images (docs/glossary.md).
        """
        return {annotation.image_id for annotation in self.annotations} - self.defective()

    def names(self) -> dict[int, str]:
        """The category name of each category id, in id order."""
        return {c.id: c.name for c in sorted(self.categories, key=lambda c: c.id)}


class Prediction(msgspec.Struct, frozen=True, omit_defaults=True):
    """A scored box, with its instance mask if the model predicts one."""

    image_id: int
    category_id: int
    bbox: Box
    score: float
    segmentation: Rle | None = None
