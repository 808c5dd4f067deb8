"""Exported detectors as networks, for computers without the training packages."""

from pathlib import Path

import torch

from train_det.checkpoints import load_detector
from train_det.infer import DetectorNetwork, network_of
from training.exported_model import ExportFormat, existing_export, open_runner

OUTPUT = "raw"


def load_exported(weights: Path, export_format: ExportFormat) -> DetectorNetwork:
    """The exported model of a weights file as a network. Raises OptionError, WeightsError."""
    path = existing_export(weights, export_format, "train_det")
    model, _ = load_detector(weights, torch.device("cpu"))
    return open_exported(path, export_format, network_of(model))


def open_exported(path: Path, export_format: ExportFormat, original: DetectorNetwork) -> DetectorNetwork:
    """The export of `original` in `path`, which takes one image at a time. Raises OptionError, WeightsError."""
    run = open_runner(path, export_format)

    def raw(pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.from_numpy(run(one.contiguous().numpy())) for one in torch.split(pixels, 1)])

    return DetectorNetwork(raw, original.strides, torch.device("cpu"), original.family)
