"""Options of the trainers that locate defects, as code for all trainers sees them."""

from typing import Protocol, runtime_checkable

from training.options import SharedOptions


@runtime_checkable
class LocatingOptions(Protocol):
    """Options of a trainer that sees images in a square, or crops of them; others have no such options."""

    @property
    def imgsz(self) -> int:
        """Side of the network's square, in pixels."""

    @property
    def tile(self) -> int:
        """Side of crops in pixels, 0 for none."""

    @property
    def tile_empty(self) -> float:
        """Crops without a defect for each crop with one."""

    @property
    def good_map(self) -> str:
        """A run with a map of whole images, empty for none."""


def crop_side(options: SharedOptions) -> int:
    """The side in pixels of the crops to train on, 0 for whole images."""
    return options.tile if isinstance(options, LocatingOptions) else 0
