"""The loss: where the defects are, and of which type the pixels of each defective image are.

Cross-entropy over all classes is the sum of the same two parts, but the type concerns few pixels and has little
influence there; here it has a weight of its own, and a small defect has as much as a large one.
Dice: Milletari et al., V-Net, https://arxiv.org/abs/1606.04797. All parts accept fractional targets.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def coverage_to_target(coverage: Tensor) -> Tensor:
    """N x K x H x W uint8 coverage of the categories to N x (1 + K) x H x W shares that sum to 1."""
    shares = coverage.float() / 255
    return torch.cat([(1 - shares.sum(1, keepdim=True)).clamp(min=0), shares], 1)


def segmentation_loss(logits: Tensor, target: Tensor, type_weight: float) -> Tensor:
    """Cross-entropy and Dice of defect against background + `type_weight` x cross-entropy of types in defects.

    Both N x (1 + K) x H x W, the target as shares.
    """
    logits = logits.float()
    defect = 1 - target[:, 0]
    # logit of 1 - softmax(background)
    found = logits[:, 1:].logsumexp(1) - logits[:, 0]
    where = binary_cross_entropy_with_logits(found, defect) + _dice_loss(found.sigmoid(), defect)
    return where + type_weight * _type_loss(logits[:, 1:], target[:, 1:])


def _type_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the types, averaged over the defect pixels of an image and then over defective images."""
    area = target.sum((1, 2, 3))
    entropy = -(target * logits.log_softmax(1)).sum((1, 2, 3))
    defective = (area > 0).sum().clamp(min=1)
    return (entropy / area.clamp(min=1)).sum() / defective


def _dice_loss(found: Tensor, defect: Tensor) -> Tensor:
    """1 - Dice over the batch; one pixel of smoothing keeps batches without defect finite."""
    return 1 - (2 * (found * defect).sum() + 1) / (found.sum() + defect.sum() + 1)
