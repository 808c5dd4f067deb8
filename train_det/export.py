"""Export of a run's best epoch, kept only if it says the same as the original."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run
from system.errors import OutputError
from train_det.checkpoints import BEST, load_detector
from train_det.data import draw_square
from train_det.exported import OUTPUT, open_exported
from train_det.infer import Network, network_of, to_pixels
from train_det.options import FitOptions
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
from training.options import run_options

# Largest difference of a score, and of a side of a sure box in pixels of the network's square. bfloat16 keeps 8 of
# the 24 bits of a number.
TOLERANCES = {"32": (1e-3, 0.1), "bf16": (0.1, 4.0)}
LEAST_SCORE = 0.01  # boxes of which both are surer than that are compared


@dataclass(frozen=True, slots=True)
class Parity:
    """The largest differences of an exported network from its original over some pictures."""

    pictures: int
    score: float
    box: float


def export_run(run: Run, dataset: Dataset, form: str, precision: str = "32") -> tuple[Path, Parity]:
    """Export best.pt to a file beside it and compare both on images of the dataset.

    Raises OptionError where a package is missing, OutputError and leaves no file where the two differ.
    """
    check_precision(form, precision)
    weights = run.weights / BEST
    path = exported_path(weights, form)
    side = run_options(run, FitOptions).imgsz
    model, _ = load_detector(weights, torch.device("cpu"))
    pictures = pictures_to_compare(dataset)
    original = network_of(model)
    with new_export(weights, form) as partial:
        _write(model, side, partial, form, precision)
        parity = compare(original, open_exported(partial, form, original.strides), pictures, side)
        score, box = TOLERANCES[precision]
        if parity.score > score or parity.box > box:
            raise OutputError(path, f"the exported model differs from the original ({parity})", "use the original")
    return path, parity


def compare(original: Network, exported: Network, pictures: Sequence[NDArray[np.uint8]], side: int) -> Parity:
    """Run both on every H x W x 3 picture, shrunk into a square of `side` pixels."""
    score = box = 0.0
    for picture in pictures:
        square, _ = draw_square(picture, side)
        with torch.inference_mode():
            first, second = (n.raw(to_pixels(square[None], n.device))[0].cpu() for n in (original, exported))
        score = max(score, float((first[4:] - second[4:]).abs().max()))
        sure = torch.minimum(first[4:].amax(0), second[4:].amax(0)) >= LEAST_SCORE
        if sure.any():
            box = max(box, float((first[:4, sure] - second[:4, sure]).abs().max()))
    return Parity(len(pictures), score, box)


def _write(model: Any, side: int, path: Path, form: str, precision: str) -> None:
    model.model[-1].export = True
    example = torch.zeros(1, 3, side, side)
    with silent_exporters(), torch.no_grad():
        model(example)  # makes the anchors of this size, which tracing wants to find unchanged
        if form == "onnx":
            need(form, "onnxscript")
            torch.onnx.export(
                model, (example,), path, input_names=[INPUT], output_names=[OUTPUT], dynamo=True,
                external_data=False, verbose=False,
            )  # fmt: skip
        else:
            openvino = need(form, "openvino")
            converted = openvino.convert_model(model, example_input=example, input=[1, 3, side, side])
            save_openvino(converted, path, precision)
    model.model[-1].export = False
