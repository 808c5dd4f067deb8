"""Train a classifier for a fixed number of steps, the same for every method that is compared."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from train_cls.balance import TypeLoss, epoch_batches
from train_cls.options import ClassifierOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def train_steps(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    values: Tensor,
    types: "NDArray[np.intp]",
    *,
    count: int,
    steps: int,
    options: ClassifierOptions,
) -> None:
    """Update `network` by batches of `values`, N x ..., of which `types` has the type, one of `count`."""
    loss, order, targets = TypeLoss(types, count, options), epoch_batches(types, options), torch.from_numpy(types)
    step = epoch = 0
    while step < steps:
        order.set_epoch(epoch)
        for batch in order:
            chosen = [number for _, number in batch]
            optimizer.zero_grad()
            loss(network(values[chosen]), targets[chosen]).backward()
            optimizer.step()
            step += 1
            if step == steps:
                break
        epoch += 1
