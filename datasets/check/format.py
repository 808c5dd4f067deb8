"""What `datasets check` needs of a format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from datasets.check.codes import Finding
from datasets.check.facts import Entry, Facts, ImageFacts, Listing, Reading

E = TypeVar("E", bound=Entry)


class Format(Protocol[E]):
    """One format; a further one is a class like this and a line in `datasets.check.check.FORMATS`."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def upright_only(self) -> bool:
        """Whether its conversions refuse images with an EXIF orientation."""

    def list_entries(self, root: Path) -> Listing[E] | None:
        """The images of `root`, None where it is not of this format. Raises InputError."""

    def read(self, entry: E, width: int, height: int) -> Reading:
        """The annotations of an image of width x height pixels, 0 where it cannot be decoded."""

    def is_split(self, images: Sequence[ImageFacts]) -> bool:
        """Whether the splits are for training."""

    def check_together(self, facts: Facts) -> list[Finding]:
        """Findings that only this format has, and that need all images."""


def has_several_splits(images: Sequence[ImageFacts]) -> bool:
    """Whether the images are in more than one split."""
    return len({image.split for image in images}) > 1
