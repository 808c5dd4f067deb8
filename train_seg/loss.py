"""The loss: one part for defect against background, one for the defect types of the pixels.

Cross-entropy over all classes is the sum of the same two parts, but the types concern few pixels and have little
influence on it. Here the types have their own weight, and small defects count as much as large ones.
Dice: Milletari et al., V-Net, https://arxiv.org/abs/1606.04797. All parts accept fractional targets.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def coverage_to_target(coverage: Tensor) -> tuple[Tensor, Tensor]:
    """N x (K + 1) x H x W uint8 coverage to N x (1 + K) x H x W shares that sum to 1, and N x H x W weights.

    The last channel of the coverage marks ignore regions: the weight is 0 in them and 1 elsewhere.
    """
    shares, ignored = coverage[:, :-1].float() / 255, coverage[:, -1].float() / 255
    return torch.cat([(1 - shares.sum(1, keepdim=True)).clamp(min=0), shares], 1), 1 - ignored


def segmentation_loss(logits: Tensor, target: Tensor, weight: Tensor, type_weight: float) -> Tensor:
    """Cross-entropy and Dice of defect against background + `type_weight` x cross-entropy of types in defects.

    Logits and target are N x (1 + K) x H x W, the target as shares; `weight` is N x H x W, 0 for ignored pixels.
    """
    logits = logits.float()
    defect = 1 - target[:, 0]
    # logit of 1 - softmax(background)
    defect_logit = logits[:, 1:].logsumexp(1) - logits[:, 0]
    entropy = binary_cross_entropy_with_logits(defect_logit, defect, weight, reduction="sum")
    where = entropy / weight.sum().clamp(min=1) + _dice_loss(defect_logit.sigmoid() * weight, defect * weight)
    return where + type_weight * _type_loss(logits[:, 1:], target[:, 1:] * weight.unsqueeze(1))


def _type_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the types, averaged over the defect pixels of an image and then over defective images."""
    area = target.sum((1, 2, 3))
    entropy = -(target * logits.log_softmax(1)).sum((1, 2, 3))
    defective = (area > 0).sum().clamp(min=1)
    return (entropy / area.clamp(min=1)).sum() / defective


def _dice_loss(probability: Tensor, defect: Tensor) -> Tensor:
    """1 - Dice over the batch; one pixel of smoothing keeps the value finite in batches without a defect."""
    return 1 - (2 * (probability * defect).sum() + 1) / (probability.sum() + defect.sum() + 1)
