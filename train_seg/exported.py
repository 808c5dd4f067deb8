"""Exported segmenters as networks, for computers without the training packages."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from training.exported_model import ExportFormat, existing_export, open_runner

if TYPE_CHECKING:
    from training.exported_model import Runner

OUTPUT = "logits"


def load_exported(weights: Path, export_format: ExportFormat) -> Callable[[Tensor], Tensor]:
    """The exported model of a weights file, as a function. Raises OptionError, WeightsError."""
    return as_network(open_runner(existing_export(weights, export_format, "train_seg"), export_format))


def as_network(run: "Runner") -> Callable[[Tensor], Tensor]:
    """An exported model as a function: N x 3 x S x S uint8 RGB to logits."""
    return lambda rgb: torch.from_numpy(run(rgb.contiguous().numpy()))
