"""Export of a trained model, kept only if it says the same as the original."""

import dataclasses
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from datasets.coco import Prediction
from datasets.formats.dataset_folder import Dataset
from datasets.masks.rle import decode
from evaluate.run_folder import Run
from system.errors import OutputError
from train_seg.exported import OUTPUT, open_exported
from train_seg.model import ModelSpec, UNet, load_model
from train_seg.predict import predict_picture
from train_seg.record import BEST
from train_seg.segmenter import Segmenter
from training.exported_model import (
    INPUT,
    check_precision,
    exported_path,
    need,
    new_export,
    pictures_to_compare,
    save_openvino,
    silent_exporters,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Largest difference of any share of any pixel; part of the pixels found by either that is not found by both;
# largest difference of a side of a box, in pixels of the picture. bfloat16 keeps 8 of the 24 bits of a number,
# and a speck that is hardly a defect may be one to one of the two only: the masks decide there.
TOLERANCES = {"32": (1e-3, 1e-3, 1.0), "bf16": (0.25, 0.02, inf)}


@dataclasses.dataclass(frozen=True, slots=True)
class Parity:
    """How far an exported model is from its original, over some pictures.

    `share`: largest difference of a share. `mask`: part of the defect pixels found by one of the two only.
    `boxes`: largest difference of a box side in pixels; infinite where the number of predictions differs.
    """

    pictures: int
    share: float
    mask: float
    boxes: float

    def holds(self, precision: str) -> bool:
        """Whether all differences are within the TOLERANCES of a precision."""
        share, mask, boxes = TOLERANCES[precision]
        return self.share <= share and self.mask <= mask and self.boxes <= boxes


def export_run(run: Run, dataset: Dataset, form: str, precision: str = "32") -> tuple[Path, Parity]:
    """Export the best weights to a file beside them and compare both on images of the dataset.

    Raises OptionError where a package is missing, OutputError and leaves no file where the two differ.
    """
    check_precision(form, precision)
    weights = run.weights / BEST
    path = exported_path(weights, form)
    model, spec = load_model(weights)
    pictures = pictures_to_compare(dataset)
    original = Segmenter(model, spec, torch.device("cpu"))
    with new_export(weights, form) as partial:
        if form == "onnx":
            _write_onnx(model, spec, partial)
        else:
            _write_openvino(model, spec, partial, precision)
        exported = dataclasses.replace(original, network=open_exported(partial, form))
        parity = compare(original, exported, pictures)
        if not parity.holds(precision):
            raise OutputError(path, f"the exported model differs from the original ({parity})", "use the original")
    return path, parity


def compare(original: Segmenter, exported: Segmenter, pictures: Sequence["NDArray[np.uint8]"]) -> Parity:
    """Run both on every picture, at original size."""
    share = boxes = 0.0
    either = both = 0
    for rgb in pictures:
        share = max(share, float(np.abs(original.shares(rgb) - exported.shares(rgb)).max()))
        first, second = (predict_picture(s, rgb, 1) for s in (original, exported))
        masks = [_painted(found, *rgb.shape[:2]) for found in (first, second)]
        either += int(np.logical_or(*masks).sum())
        both += int(np.logical_and(*masks).sum())
        sides = [sorted(p.bbox for p in found) for found in (first, second)]
        if len(first) != len(second):
            boxes = inf
        elif first:
            boxes = max(boxes, float(np.abs(np.subtract(*map(np.asarray, sides))).max()))
    return Parity(len(pictures), share, 1 - both / either if either else 0.0, boxes)


def _painted(found: Sequence[Prediction], height: int, width: int) -> "NDArray[np.bool_]":
    painted = np.zeros((height, width), bool)
    for prediction in found:
        painted |= decode(prediction.segmentation or [], height, width) > 0
    return painted


def _write_onnx(model: UNet, spec: ModelSpec, path: Path) -> None:
    need("onnx", "onnx", "onnxscript", "onnxruntime")
    example = torch.zeros(2, 3, spec.imgsz, spec.imgsz, dtype=torch.uint8)
    batch = torch.export.Dim("batch", min=1, max=64)
    with silent_exporters():
        torch.onnx.export(
            model, (example,), path, input_names=[INPUT], output_names=[OUTPUT], dynamic_shapes=({0: batch},),
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip


def _write_openvino(model: UNet, spec: ModelSpec, path: Path, precision: str) -> None:
    openvino = need("openvino", "openvino")
    example = torch.zeros(1, 3, spec.imgsz, spec.imgsz, dtype=torch.uint8)
    with silent_exporters():
        converted = openvino.convert_model(model, example_input=example, input=[-1, 3, spec.imgsz, spec.imgsz])
        save_openvino(converted, path, precision)
