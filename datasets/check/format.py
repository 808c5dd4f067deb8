"""The protocol of a dataset format for `datasets check`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from datasets.check.codes import Finding
from datasets.check.facts import Entry, Facts, ImageFacts, Listing, Reading
from system.exclude import NOTHING, Excluder

E = TypeVar("E", bound=Entry)


class Format(Protocol[E]):
    """A dataset format. A new one is a class with these members and a line in `datasets.check.check.FORMATS`."""

    @property
    def name(self) -> str:
        """The name in messages and tables."""

    @property
    def upright_only(self) -> bool:
        """Whether its conversions refuse images with an EXIF orientation."""

    def list_entries(self, root: Path, exclude: Excluder = NOTHING) -> Listing[E] | None:
        """The images of `root` that are not excluded, None if it has another format.

        Raises InputError for what a conversion refuses as a whole.
        """

    def read(self, entry: E, width: int, height: int) -> Reading:
        """The annotations of an image of width x height pixels (upright), 0 if it cannot be decoded."""

    def is_split(self, images: Sequence[ImageFacts]) -> bool:
        """Whether the splits are for training, unlike those of an MVTec tree."""

    def check_together(self, facts: Facts) -> list[Finding]:
        """The findings specific to this format that need all images."""


def has_several_splits(images: Sequence[ImageFacts]) -> bool:
    """Whether the images are in more than one split."""
    return len({image.split for image in images}) > 1
