"""What training minimises: cross-entropy for the types, and Dice so that few defect pixels weigh as much as many.

Dice: Milletari et al., V-Net, https://arxiv.org/abs/1606.04797. Both take fractional targets.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def coverage_to_target(coverage: Tensor) -> Tensor:
    """N x K x H x W uint8 coverage of the categories to N x (1 + K) x H x W shares that sum to 1."""
    shares = coverage.float() / 255
    return torch.cat([(1 - shares.sum(1, keepdim=True)).clamp(min=0), shares], 1)


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy + Dice of defect against background + mean Dice of the types present in the batch.

    Both N x (1 + K) x H x W, the target as shares.
    """
    shares = logits.float().softmax(1)
    entropy = cross_entropy(logits.float(), target)
    defect = _dice_loss(1 - shares[:, :1], 1 - target[:, :1])
    types = _dice_loss(shares[:, 1:], target[:, 1:])
    present = target[:, 1:].sum((0, 2, 3)) > 0
    typed = types[present].mean() if present.any() else types.new_zeros(())
    return entropy + defect.mean() + typed


def _dice_loss(shares: Tensor, target: Tensor) -> Tensor:
    """1 - Dice of each channel over the batch; one pixel of smoothing keeps batches without defect finite."""
    overlap = (shares * target).sum((0, 2, 3))
    total = shares.sum((0, 2, 3)) + target.sum((0, 2, 3))
    return 1 - (2 * overlap + 1) / (total + 1)
