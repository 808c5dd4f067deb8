"""What `datasets check` knows of a dataset: its images, decoded once, and their annotations as far as readable."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from datasets.check.codes import Finding
from datasets.coco import Box, Segmentation


class AnnotationFacts(msgspec.Struct, frozen=True):
    """One annotation as read: box in pixels, not clipped; `segmentation` is None where it has no pixels."""

    where: str
    category: str
    box: Box
    area: float
    segmentation: Segmentation | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An image that a format lists; a format adds what it needs to read its annotations.

    `path` is None where there is no image file; the image may be embedded in the labelme file `embedded_in`.
    `is_good` is whether its folder says so.
    """

    name: str
    path: str | None
    split: str
    is_good: bool
    embedded_in: str | None = None


E = TypeVar("E", bound=Entry)


class Listing(msgspec.Struct, Generic[E], frozen=True):
    """The images of a dataset, its categories in order, and what was found wrong while listing."""

    entries: Sequence[E]
    categories: list[str]
    findings: list[Finding]


class Reading(msgspec.Struct, frozen=True):
    """The annotations of one image, and what was found wrong while reading them."""

    annotations: list[AnnotationFacts]
    findings: list[Finding]


class ImageFacts(msgspec.Struct, frozen=True):
    """One image and its annotations: size as shown, that is upright; hashes are empty where it is unreadable."""

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


class Facts(msgspec.Struct, frozen=True):
    """All images; `is_split` is whether the splits are for training, unlike those of an MVTec tree.

    Two of its `categories` may have one name.
    """

    categories: list[str]
    images: list[ImageFacts]
    is_split: bool


class Limits(msgspec.Struct, frozen=True):
    """From where on a finding is worth reporting, in pixels; `threshold` is the grey value a defect begins at."""

    max_speckle: int = 8
    imgsz: int = 640
    min_side: float = 4.0
    threshold: int | None = None
