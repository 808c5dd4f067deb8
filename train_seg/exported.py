"""Exported segmenters as networks, for computers without the training packages."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from train_seg.model import read_spec
from training.exported_model import ExportFormat, check_shape, existing_export, open_runner

if TYPE_CHECKING:
    from training.exported_model import Runner

OUTPUT = "logits"


def load_exported(weights: Path, export_format: ExportFormat) -> Callable[[Tensor], Tensor]:
    """The exported model of a weights file, as a function. Raises OptionError, WeightsError."""
    types = len(read_spec(weights).categories)
    return as_network(open_runner(existing_export(weights, export_format, "train_seg"), export_format), types)


def as_network(run: "Runner", types: int) -> Callable[[Tensor], Tensor]:
    """An exported model as a function: N x 3 x S x S uint8 RGB to logits, N x (1 + types) x S x S.

    It raises WeightsError for another output.
    """

    def network(rgb: Tensor) -> Tensor:
        found = run(rgb.contiguous().numpy())
        check_shape(found, (len(rgb), 1 + types, *rgb.shape[2:]))
        return torch.from_numpy(found)

    return network
