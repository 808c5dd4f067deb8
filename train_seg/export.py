"""Export of a segmenter, and its differences from the original."""

import dataclasses
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from datasets.coco import Prediction
from datasets.masks.rle import decode
from evaluate.run_folder import Run
from train_seg.exported import OUTPUT, as_network
from train_seg.model import load_model
from train_seg.names import BEST
from train_seg.options import SegmenterOptions
from train_seg.postprocess import FAINT_SHARE, MIN_SQUARE_PIXELS
from train_seg.segmenter import Segmenter, good_map_of
from train_seg.sizes import MIN_SHARE
from training.export_metadata import NetworkDescription, NetworkInput
from training.exported_model import ExportFormat, open_runner
from training.options import run_options
from training.quantisable import Quantisable
from training.torch_export import write_exported

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.exported_model import Runner

# Largest difference of any share of any pixel; fraction of the defect pixels of either model that only one of them
# finds; largest difference of a side of a box, in pixels of the image.
MAX_SHARE, MAX_MASK, MAX_BOX = 1e-3, 1e-3, 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class SegmenterParity:
    """The largest differences between an exported model and its original, over some images.

    `share`: of the share of a pixel. `mask`: fraction of the defect pixels that only one of the two finds.
    `boxes`: of a side of a box in pixels, infinite if the number of predictions differs.
    """

    images: int
    share: float
    mask: float
    boxes: float

    def within_tolerance(self) -> bool:
        """Whether all differences are at most those above; NaN is not."""
        return self.share <= MAX_SHARE and self.mask <= MAX_MASK and self.boxes <= MAX_BOX

    def describe(self) -> str:
        """The differences as text."""
        boxes = f"{self.boxes:g} pixels at a box" if self.boxes < inf else "another number of defects in an image"
        return (
            f"on {self.images} images no share differs by more than {self.share:.1g},"
            f" {self.mask:.2%} of the found pixels, {boxes}"
        )


class SegmenterExporter(Quantisable):
    """Exports best.safetensors of a run."""

    head_layers = (r".*segmentation_head.*",)

    def __init__(self, run: Run) -> None:
        self.weights = run.weights / BEST
        self._tile = run_options(run, SegmenterOptions).tile
        self._model, self._spec = load_model(self.weights)
        self._good_map = good_map_of(self.weights, self._spec)

    def description(self) -> NetworkDescription:
        """Logits of background and types, to be thresholded pixel by pixel."""
        spec = self._spec
        return NetworkDescription(
            network=spec.arch,
            categories=spec.categories,
            input=NetworkInput(
                channels=4 if self._good_map else 3, height=spec.imgsz, width=spec.imgsz, padding=spec.padding
            ),
            output=OUTPUT,
            default_score=spec.pixel_threshold,
            decoding={
                "pixel_threshold": spec.pixel_threshold,
                "faint_share": FAINT_SHARE,
                "min_square_pixels": MIN_SQUARE_PIXELS,
                "min_type_share": MIN_SHARE,
            },
            type_sizes=[(size.median, size.spread) for size in spec.sizes],
            tile=self._tile,
        )

    def write(self, path: Path, export_format: ExportFormat, precision: str) -> None:
        """Write the network from pixels to logits."""
        channels = 4 if self._good_map else 3
        write_exported(
            self._model, self._spec.imgsz, path, export_format, precision, output=OUTPUT, channels=channels
        )

    def compare(
        self, path: Path, export_format: ExportFormat, images: "Sequence[NDArray[np.uint8]]"
    ) -> SegmenterParity:
        """Compare shares and predictions of both."""
        return compare(self.original(), self.exported(open_runner(path, export_format)), images)

    def original(self) -> Segmenter:
        """The network in PyTorch."""
        return Segmenter(self._model, self._spec, torch.device("cpu"), good_map=self._good_map)

    def exported(self, run: "Runner") -> Segmenter:
        """The same with the exported network."""
        return dataclasses.replace(self.original(), network=as_network(run, len(self._spec.categories)))


def compare(original: Segmenter, exported: Segmenter, images: "Sequence[NDArray[np.uint8]]") -> SegmenterParity:
    """Run both models on every image, at original size."""
    share = boxes = 0.0
    either = both = 0
    for rgb in images:
        difference = np.abs(original.shares(rgb) - exported.shares(rgb)).max()
        share = float(np.maximum(share, difference))  # keeps NaN, max() does not
        first, second = (s.predict_image(rgb, 1) for s in (original, exported))
        masks = [_painted(found, *rgb.shape[:2]) for found in (first, second)]
        either += int(np.logical_or(*masks).sum())
        both += int(np.logical_and(*masks).sum())
        sides = [sorted(p.bbox for p in found) for found in (first, second)]
        if len(first) != len(second):
            boxes = inf
        elif first:
            boxes = max(boxes, float(np.abs(np.subtract(*map(np.asarray, sides))).max()))
    return SegmenterParity(len(images), share, 1 - both / either if either else 0.0, boxes)


def _painted(predictions: Sequence[Prediction], height: int, width: int) -> "NDArray[np.bool_]":
    painted = np.zeros((height, width), bool)
    for prediction in predictions:
        painted |= decode(prediction.segmentation or [], height, width) > 0
    return painted
