"""Exported segmenters as networks: what a line computer runs without PyTorch's training half."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from datasets.exported import existing_export, open_runner

OUTPUT = "logits"


def load_exported(weights: Path, form: str) -> Callable[[Tensor], Tensor]:
    """The exported model as a function of N x 3 x S x S uint8 RGB to logits. Raises OptionError, WeightsError."""
    run = open_runner(existing_export(weights, form, "train_seg"), form)
    return lambda rgb: torch.from_numpy(run(rgb.contiguous().numpy()))
