"""Exported segmenters as networks: what a line computer runs without PyTorch's training half."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from training.exported_model import existing_export, open_runner

OUTPUT = "logits"


def load_exported(weights: Path, form: str) -> Callable[[Tensor], Tensor]:
    """The exported model of a weights file, as a function. Raises OptionError, WeightsError."""
    return open_exported(existing_export(weights, form, "train_seg"), form)


def open_exported(path: Path, form: str) -> Callable[[Tensor], Tensor]:
    """The exported model in `path`: N x 3 x S x S uint8 RGB to logits. Raises OptionError, WeightsError."""
    run = open_runner(path, form)
    return lambda rgb: torch.from_numpy(run(rgb.contiguous().numpy()))
