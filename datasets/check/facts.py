"""The value types of `datasets check`: images, decoded once, and their readable annotations."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from datasets.check.codes import Finding
from datasets.coco import Box, Segmentation
from datasets.formats.yolo_suspicions import PoseEvidence


class AnnotationFacts(msgspec.Struct, frozen=True):
    """One annotation as read.

    `box` and `area` are in pixels, not clipped; `segmentation` is None without a mask. An ignore region
    (`is_ignored`) is not a defect. `pose` is that of a YOLO segment.
    """

    where: str
    category: str
    box: Box
    area: float
    segmentation: Segmentation | None = None
    is_ignored: bool = False
    pose: PoseEvidence | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A listed image; each format adds what it needs to read the annotations.

    `path` is None if there is no image file; the image may be embedded in the labelme file `embedded_in`.
    `is_good` is whether the image is in a folder of good images.
    """

    name: str
    path: str | None
    split: str
    is_good: bool
    embedded_in: str | None = None


E = TypeVar("E", bound=Entry)


class Listing(msgspec.Struct, Generic[E], frozen=True):
    """The images of a dataset, its categories in order, and the findings of listing them."""

    entries: Sequence[E]
    categories: list[str]
    findings: list[Finding]


class Reading(msgspec.Struct, frozen=True):
    """The annotations of one image, and the findings of reading them."""

    annotations: list[AnnotationFacts]
    findings: list[Finding]


class ImageFacts(msgspec.Struct, frozen=True):
    """One image and its annotations.

    Width and height are in pixels of the upright image. Sizes are 0 and hashes empty if it cannot be decoded.
    """

    name: str
    split: str
    is_good: bool
    annotations: list[AnnotationFacts]
    findings: list[Finding]
    width: int = 0
    height: int = 0
    orientation: int = 1
    sha256: str = ""
    perceptual_hash: bytes = b""

    @property
    def defects(self) -> list[AnnotationFacts]:
        """The annotations that are not ignore regions."""
        return [annotation for annotation in self.annotations if not annotation.is_ignored]


class Facts(msgspec.Struct, frozen=True):
    """All images and categories of a dataset.

    `is_split` is whether the splits are for training, unlike those of an MVTec tree. Two `categories` may have the
    same name. `made` are the images that a command made from others of the dataset, which they resemble.
    """

    categories: list[str]
    images: list[ImageFacts]
    is_split: bool
    made: frozenset[str] = frozenset()


class Limits(msgspec.Struct, frozen=True):
    """Limits of findings, in pixels: component area `max_speckle`, box side `min_side` at image side `imgsz`.

    `threshold` is the minimum grey value of a defect in masks.
    """

    max_speckle: int = 8
    imgsz: int = 640
    min_side: float = 4.0
    threshold: int | None = None
