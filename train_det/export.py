"""Export of a detector, and its differences from the original."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluate.run_folder import Run
from evaluate.values import DEFAULT_SCORE_THRESHOLD
from train_det.checkpoints import BEST, load_detector
from train_det.data import CACHE_OVERSIZE, draw_square
from train_det.exported import OUTPUT, as_network
from train_det.gamma import input_channels
from train_det.infer import DetectionOptions, DetectorNetwork, network_of, to_pixels
from train_det.options import DetectorOptions
from train_det.outputs import PROTOTYPES, OneOutput, split_output
from train_det.predict import Detector, stored_map
from training.export_metadata import NetworkDescription, NetworkInput
from training.exported_model import INPUT, ExportFormat, need, open_runner, save_openvino, silent_exporters
from training.good_channel import with_map
from training.options import run_options
from training.quantisable import Quantisable

if TYPE_CHECKING:
    from training.exported_model import Runner

# Largest difference of a score, and of a side of a box in pixels of the input square.
MAX_SCORE, MAX_BOX = 1e-3, 0.1
ULTRALYTICS_LICENCE = "AGPL-3.0"
MIN_COMPARED_SCORE = 0.01  # boxes with at least this score in both models are compared


@dataclass(frozen=True, slots=True)
class DetectorParity:
    """The largest differences between an exported network and its original, over some images.

    `score`: of any score. `box`: of a side of a box, in pixels of the input square.
    """

    images: int
    score: float
    box: float

    def within_tolerance(self) -> bool:
        """Whether both differences are at most those above; NaN is not."""
        return self.score <= MAX_SCORE and self.box <= MAX_BOX

    def describe(self) -> str:
        """The differences as text."""
        return (
            f"on {self.images} images no score differs by more than {self.score:.1g}"
            f" and no box by more than {self.box:.1g} pixels of the network's square"
        )


class DetectorExporter(Quantisable):
    """Exports best.pt of a run."""

    def __init__(self, run: Run) -> None:
        self.weights = run.weights / BEST
        options = run_options(run, DetectorOptions)
        self._side, self._tile = options.imgsz, options.tile
        self._model, self._categories = load_detector(self.weights, torch.device("cpu"))
        self._original = network_of(self._model)
        self._good_map = stored_map(run.weights, self._model)
        head = len(list(self._model.model.children())) - 1  # type: ignore[union-attr]
        # The head itself computes boxes of hundreds of pixels; its convolutions have longer names.
        self.float_layers = (rf".*\.model\.{head}/.*", r".*\.dfl.*")
        self.head_layers = (rf".*\.model\.{head}\..*",)

    def description(self) -> NetworkDescription:
        """Raw boxes, to be suppressed; the licence is that of Ultralytics, whose code the network is made of."""
        limits = DetectionOptions(side=self._side)
        return NetworkDescription(
            network=self._original.family,
            categories=self._categories,
            input=NetworkInput(
                channels=input_channels(self._model),
                height=self._side,
                width=self._side,
                dtype="float32",
                padding="border-median",
            ),
            output=OUTPUT,
            default_score=DEFAULT_SCORE_THRESHOLD,
            decoding={
                "overlap": 1.0 if self._original.family == "rtdetr" else limits.overlap,
                "max_boxes": limits.max_boxes,
                "oversize": CACHE_OVERSIZE,
            },
            tile=self._tile,
            licence=ULTRALYTICS_LICENCE,
        )

    def write(self, path: Path, export_format: ExportFormat, precision: str) -> None:
        """Write the network from pixels to raw output."""
        _write(self._model, self._side, path, export_format, precision)

    def compare(
        self, path: Path, export_format: ExportFormat, images: Sequence[NDArray[np.uint8]]
    ) -> DetectorParity:
        """Compare the raw output of both."""
        exported = as_network(open_runner(path, export_format), self._original)
        seen = [with_map(rgb, self._good_map) if self._good_map else rgb for rgb in images]
        return compare(self._original, exported, seen, self._side)

    def original(self) -> Detector:
        """The network in PyTorch."""
        return self._detector(self._original)

    def exported(self, run: "Runner") -> Detector:
        """The same with the exported network."""
        return self._detector(as_network(run, self._original))

    def _detector(self, network: DetectorNetwork) -> Detector:
        detection = DetectionOptions(side=self._side)
        return Detector(network, self._categories, detection, good_map=self._good_map)


def compare(
    original: DetectorNetwork, exported: DetectorNetwork, images: Sequence[NDArray[np.uint8]], side: int
) -> DetectorParity:
    """Run both on every H x W x 3 image, or H x W x 4, shrunk into a square of `side` pixels."""
    score = box = 0.0
    for image in images:
        square, _ = draw_square(image, side)
        with torch.inference_mode():
            first, second = (n.raw(to_pixels(square[None], n.device)).cpu() for n in (original, exported))
        if original.family == "yolo-seg":
            (first, shapes), (second, other) = (split_output(o, side, original.strides) for o in (first, second))
            score = float(np.maximum(score, float((shapes.sigmoid() - other.sigmoid()).abs().max())))
            first, second = first[:, :-PROTOTYPES], second[:, :-PROTOTYPES]
        first, second = first[0], second[0]
        if original.family == "rtdetr":  # nearly equal queries may come in another order
            second = second[:, torch.cdist(_comparable(first, side), _comparable(second, side)).argmin(1)]
        score = float(np.maximum(score, float((first[4:] - second[4:]).abs().max())))  # keeps NaN, max() does not
        sure = torch.minimum(first[4:].amax(0), second[4:].amax(0)) >= MIN_COMPARED_SCORE
        if sure.any():
            box = float(np.maximum(box, float((first[:4, sure] - second[:4, sure]).abs().max())))
    return DetectorParity(len(images), score, box)


def _comparable(rows: torch.Tensor, side: int) -> torch.Tensor:
    return torch.cat([rows[:4] / side, rows[4:]]).T


def _write(model: Any, side: int, path: Path, export_format: ExportFormat, precision: str) -> None:
    network = OneOutput(model).eval()
    channels = input_channels(model)
    example = torch.zeros(1, channels, side, side)
    if network.family == "yolo":
        network, model.model[-1].export = model, True
    with silent_exporters(), torch.no_grad():
        network(example)  # creates the anchors of this size, which must exist before tracing
        if export_format == "onnx":
            need(export_format, "onnxscript")
            torch.onnx.export(
                network, (example,), path, input_names=[INPUT], output_names=[OUTPUT], dynamo=True,
                external_data=False, verbose=False,
            )  # fmt: skip
        else:
            openvino = need(export_format, "openvino")
            converted = openvino.convert_model(network, example_input=example, input=[1, channels, side, side])
            save_openvino(converted, path, precision)
    model.model[-1].export = False
