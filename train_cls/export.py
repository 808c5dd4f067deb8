"""Export of a classifier, and its differences from the original."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from evaluate.run_folder import Run
from features.library import padding_colour
from train_cls.classifier import DEFAULT_SCORE, Classifier, as_network
from train_cls.loop import BEST
from train_cls.stored_net import load_classifier_net
from training.export_metadata import NetworkDescription, NetworkInput
from training.exported_model import ExportFormat, open_runner
from training.quantisable import Quantisable
from training.torch_export import write_exported

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.exported_model import Runner

OUTPUT = "logits"
TOLERANCE = 1e-3  # largest difference of a probability


@dataclasses.dataclass(frozen=True, slots=True)
class ClassifierParity:
    """The largest difference of any probability of an exported classifier from its original, over some images."""

    images: int
    probability: float

    def within_tolerance(self) -> bool:
        """Whether the difference is at most TOLERANCE; NaN is not."""
        return self.probability <= TOLERANCE

    def describe(self) -> str:
        """The difference as text."""
        return f"on {self.images} images no probability differs by more than {self.probability:.1g}"


class ClassifierExporter(Quantisable):
    """Exports best.safetensors of a run."""

    def __init__(self, run: Run) -> None:
        self.weights = run.weights / BEST
        self._network, self._spec = load_classifier_net(self.weights)

    def description(self) -> NetworkDescription:
        """Logits of `good` and the types; of the types alone where an image may have several."""
        spec = self._spec
        return NetworkDescription(
            network=spec.arch,
            categories=sorted(spec.categories, key=lambda category: category.id),
            input=NetworkInput(height=spec.imgsz, width=spec.imgsz, padding=padding_colour(spec.mean)),
            output=OUTPUT,
            default_score=DEFAULT_SCORE,
            decoding={"temperature": spec.temperature, "several_types": spec.several_types},
        )

    def write(self, path: Path, export_format: ExportFormat, precision: str) -> None:
        """Write the network from pixels to logits."""
        write_exported(self._network, self._spec.imgsz, path, export_format, precision, output=OUTPUT)

    def compare(
        self, path: Path, export_format: ExportFormat, images: "Sequence[NDArray[np.uint8]]"
    ) -> ClassifierParity:
        """Compare the probabilities of both."""
        return compare(self.original(), self.exported(open_runner(path, export_format)), images)

    def original(self) -> Classifier:
        """The network in PyTorch."""
        return Classifier(self._network, self._spec, torch.device("cpu"))

    def exported(self, run: "Runner") -> Classifier:
        """The same with the exported network."""
        return dataclasses.replace(self.original(), network=as_network(run, self._spec.outputs))


def compare(original: Classifier, exported: Classifier, images: "Sequence[NDArray[np.uint8]]") -> ClassifierParity:
    """Run both networks on every image."""
    apart = [np.abs(original.probabilities(rgb) - exported.probabilities(rgb)).max() for rgb in images]
    return ClassifierParity(len(images), float(np.max(apart)))  # keeps NaN, max() does not
