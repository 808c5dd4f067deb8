"""`train_seg`, `train_cls` or `train_det` (the variable IN_DOUBLE) in 64-bit numbers: no rounding is amplified."""

import dataclasses
import os

import torch

from training.commands import trainer_app
from training.options import SharedOptions
from training.other_trainers import trainer_of
from training.trainer import Trainer


def double_trainer(task: str) -> Trainer[SharedOptions]:
    """A trainer whose processes run this module."""
    return dataclasses.replace(trainer_of(task), module="tests.training.in_double")


if __name__ == "__main__":
    from system.console import run

    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    run(trainer_app(double_trainer(os.environ["IN_DOUBLE"])), f"train_{os.environ['IN_DOUBLE']}")
