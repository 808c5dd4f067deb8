"""Exported detectors as networks: what a line computer runs without PyTorch's training half."""

from pathlib import Path

import torch

from train_det.checkpoints import load_detector
from train_det.infer import Network, network_of
from training.exported_model import existing_export, open_runner

OUTPUT = "raw"


def load_exported(weights: Path, form: str) -> Network:
    """The exported model of a weights file as a network. Raises OptionError, WeightsError."""
    path = existing_export(weights, form, "train_det")
    model, _ = load_detector(weights, torch.device("cpu"))
    return open_exported(path, form, network_of(model).strides)


def open_exported(path: Path, form: str, strides: list[int]) -> Network:
    """The exported model in `path`, which takes one image at a time. Raises OptionError, WeightsError."""
    run = open_runner(path, form)

    def raw(pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.from_numpy(run(one.contiguous().numpy())) for one in torch.split(pixels, 1)])

    return Network(raw, strides, torch.device("cpu"))
