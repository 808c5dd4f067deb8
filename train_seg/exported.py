"""Exported segmenters as networks, for computers without the training packages."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.exported_model import ExportFormat, existing_export, open_runner

OUTPUT = "logits"


def load_exported(weights: Path, export_format: ExportFormat) -> Callable[[Tensor], Tensor]:
    """The exported model of a weights file, as a function. Raises OptionError, WeightsError."""
    return open_exported(existing_export(weights, export_format, "train_seg"), export_format)


def open_exported(path: Path, export_format: ExportFormat) -> Callable[[Tensor], Tensor]:
    """The exported model in `path`: N x 3 x S x S uint8 RGB to logits. Raises OptionError, WeightsError."""
    run = open_runner(path, export_format)
    return lambda rgb: torch.from_numpy(run(rgb.contiguous().numpy()))
