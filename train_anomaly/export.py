"""Export of an anomaly detector, and its differences from the original."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from evaluate.run_folder import Run
from features.regions import MAX_REGIONS
from train_anomaly.detector import LIMIT_SCORE, AnomalyDetector, as_network, load_detector
from train_anomaly.loop import BEST
from training.export_metadata import NetworkDescription, NetworkInput
from training.exported_model import ExportFormat, open_runner
from training.quantisable import Quantisable
from training.torch_export import write_exported

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from training.exported_model import Runner

OUTPUT = "distances"
TOLERANCE = 2e-3  # largest difference of a score


@dataclasses.dataclass(frozen=True, slots=True)
class AnomalyParity:
    """The largest difference of any pixel's score of an exported detector from its original, over some images."""

    images: int
    score: float

    def within_tolerance(self) -> bool:
        """Whether the difference is at most TOLERANCE; NaN is not."""
        return self.score <= TOLERANCE

    def describe(self) -> str:
        """The difference as text."""
        return f"on {self.images} images no score of a pixel differs by more than {self.score:.1g}"


class AnomalyExporter(Quantisable):
    """Exports best.safetensors of a run: the whole network, with the comparison with good images."""

    def __init__(self, run: Run) -> None:
        self.weights = run.weights / BEST
        self._detector = load_detector(self.weights, torch.device("cpu"))

    def description(self) -> NetworkDescription:
        """Distances from good images, to be smoothed and cut into regions."""
        spec = self._detector.spec
        assert spec.limits is not None  # checked when it was loaded
        return NetworkDescription(
            network=spec.options.method,
            categories=[spec.category],
            input=NetworkInput(height=spec.rows, width=spec.columns, padding="edge"),
            output=OUTPUT,
            default_score=LIMIT_SCORE,
            decoding={
                "usual": spec.limits.usual,
                "floor": spec.limits.floor,
                "peak": spec.limits.peak,
                "smoothing": spec.options.smoothing,
                "enlarging": spec.enlarging,
                "max_regions": MAX_REGIONS,
            },
        )

    def write(self, path: Path, export_format: ExportFormat, precision: str) -> None:
        """Write the network from pixels to distances."""
        network: nn.Module = self._detector.network  # type: ignore[assignment]
        size = (self._detector.spec.rows, self._detector.spec.columns)
        write_exported(network, size, path, export_format, precision, output=OUTPUT)

    def compare(
        self, path: Path, export_format: ExportFormat, images: "Sequence[NDArray[np.uint8]]"
    ) -> AnomalyParity:
        """Compare the score maps of both."""
        return compare(self._detector, self.exported(open_runner(path, export_format)), images)

    def original(self) -> AnomalyDetector:
        """The network in PyTorch."""
        return self._detector

    def exported(self, run: "Runner") -> AnomalyDetector:
        """The same with the exported network."""
        return AnomalyDetector(as_network(run), self._detector.spec, torch.device("cpu"))


def compare(
    original: AnomalyDetector, exported: AnomalyDetector, images: "Sequence[NDArray[np.uint8]]"
) -> AnomalyParity:
    """Run both networks on every image."""
    apart = [np.abs(original.score_map(rgb) - exported.score_map(rgb)).max() for rgb in images]
    return AnomalyParity(len(images), float(np.max(apart)))  # keeps NaN, max() does not
