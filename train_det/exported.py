"""Exported detectors as networks, for computers without the training packages."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from train_det.checkpoints import load_detector
from train_det.infer import DetectorNetwork, network_of
from training.exported_model import ExportFormat, check_shape, existing_export, open_runner

if TYPE_CHECKING:
    from training.exported_model import Runner

OUTPUT = "raw"


def load_exported(weights: Path, export_format: ExportFormat) -> DetectorNetwork:
    """The exported model of a weights file as a network. Raises OptionError, WeightsError."""
    path = existing_export(weights, export_format, "train_det")
    model, _ = load_detector(weights, torch.device("cpu"))
    return as_network(open_runner(path, export_format), network_of(model))


def as_network(run: "Runner", original: DetectorNetwork) -> DetectorNetwork:
    """The export of `original`, which takes one image at a time. It raises WeightsError for another output."""
    shapes: dict[torch.Size, torch.Size] = {}  # of input and output

    def raw(pixels: torch.Tensor) -> torch.Tensor:
        # copied by NumPy: threads of PyTorch wait actively, on the cores that the exported network needs
        squares = [torch.from_numpy(np.ascontiguousarray(square[None])) for square in pixels.numpy()]
        return torch.cat([of_one(square) for square in squares])

    def of_one(pixels: torch.Tensor) -> torch.Tensor:
        found = run(pixels.numpy())
        if pixels.shape not in shapes:
            with torch.inference_mode():
                shapes[pixels.shape] = original.raw(pixels.to(original.device)).shape
        check_shape(found, shapes[pixels.shape])
        return torch.from_numpy(found)

    return DetectorNetwork(raw, original.strides, torch.device("cpu"), original.family)
