"""The interface of exporters: write the weights of a run in another format, and compare it with the original."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from training.export_metadata import NetworkDescription
from training.exported_model import ExportFormat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Parity(Protocol):
    """The largest differences of an exported model from its original, over some images."""

    def within_tolerance(self) -> bool:
        """Whether the export may be kept."""

    def describe(self) -> str:
        """The differences, as the end of a sentence."""


class Exporter(ABC):
    """The best weights of one run, to be exported; `weights` is their file."""

    weights: Path

    @abstractmethod
    def description(self) -> NetworkDescription:
        """What a program must know to use the network."""

    @abstractmethod
    def write(self, path: Path, export_format: ExportFormat, precision: str) -> None:
        """Write the exported model. Raises OptionError if a package is missing."""

    @abstractmethod
    def compare(self, path: Path, export_format: ExportFormat, images: "Sequence[NDArray[np.uint8]]") -> Parity:
        """Run the original and the exported model in `path` on images (H x W x 3 RGB) and compare them."""
