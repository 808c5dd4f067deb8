"""Training on types with few images: weights in the loss, a balanced sampler, or adjusted logits."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from train_cls.options import Balance, ClassifierOptions
from training.batches import EpochBatches
from training.device_group import DeviceGroup

if TYPE_CHECKING:
    from numpy.typing import NDArray


class BalancedBatches(EpochBatches):
    """Batches like EpochBatches, but of images drawn with replacement, with each type equally often."""

    def __init__(self, types: "NDArray[np.intp]", batch: int, seed: int, group: DeviceGroup | None = None) -> None:
        super().__init__(len(types), batch, seed, group)
        share = 1 / np.bincount(types)[types]
        self.shares = share / share.sum()

    def order(self) -> "NDArray[np.int64]":
        """The numbers of the drawn images."""
        return np.random.default_rng((self.seed, self.epoch)).choice(self.count, self.count, p=self.shares)


def epoch_batches(
    types: "NDArray[np.intp]", options: ClassifierOptions, group: DeviceGroup | None = None
) -> EpochBatches:
    """The batches of each epoch for training images of `types`, or the parts of this process of a `group`."""
    if options.balance == "sampler":
        return BalancedBatches(types, options.batch, options.seed, group)
    return EpochBatches(len(types), options.batch, options.seed, group)


def type_weights(types: "NDArray[np.intp]", count: int, balance: Balance) -> Tensor | None:
    """With `weights`, the weight of each of `count` types in the loss, the inverse of its frequency; else None.

    The mean weight of a training image is 1; a type without an image has weight 0.
    """
    if balance != "weights":
        return None
    images = np.bincount(types, minlength=count)
    present = np.count_nonzero(images)
    weights = np.divide(len(types), present * images, out=np.zeros(count), where=images > 0)
    return torch.tensor(weights, dtype=torch.float32)


def logit_offsets(types: "NDArray[np.intp]", count: int, balance: Balance) -> Tensor | None:
    """With `logit-adjust`, the values added to the logits in training: the logarithm of each type's share, else
    None.

    A type without an image gets the largest share, so that training lowers its logit as without adjustment.
    Source: Menon et al., Long-tail learning via logit adjustment, ICLR 2021, with tau 1.
    """
    if balance != "logit-adjust":
        return None
    images = np.bincount(types, minlength=count)
    share = np.where(images > 0, images, images.max()) / len(types)
    return torch.tensor(np.log(share), dtype=torch.float32)


class TypeLoss:
    """Cross entropy of logits N x K with labels N; `mix` (share, partners N) mixes labels."""

    def __init__(self, types: "NDArray[np.intp]", count: int, options: ClassifierOptions) -> None:
        self.count = count
        self.smoothing = options.label_smoothing
        self.weights = type_weights(types, count, options.balance)
        self.offsets = logit_offsets(types, count, options.balance)

    def __call__(self, logits: Tensor, labels: Tensor, mix: tuple[float, Tensor] | None = None) -> Tensor:
        """The mean over the images."""
        wanted = one_hot(labels, self.count).float()
        if mix is not None:
            share, partner = mix
            wanted = share * wanted + (1 - share) * wanted[partner]
        if self.offsets is not None:
            logits = logits + self.offsets.to(logits.device)
        weights = None if self.weights is None else self.weights.to(logits.device)
        return cross_entropy(logits, wanted, weight=weights, label_smoothing=self.smoothing)


class SeveralTypesLoss:
    """Binary cross entropy of logits N x K with labels N x K, 0 or 1, for images that may have several types.

    With `weights` the images with a type count as much together as those without it. Label smoothing moves each
    label towards 0.5 by its share.
    """

    def __init__(self, labels: "NDArray[np.bool_]", options: ClassifierOptions) -> None:
        self.smoothing = options.label_smoothing
        self.weights: Tensor | None = None
        if options.balance == "weights":
            having = labels.sum(0).astype(np.float32)
            ratio = (len(labels) - having) / np.maximum(having, 1)
            self.weights = torch.from_numpy(np.where((having > 0) & (ratio > 0), ratio, 1).astype(np.float32))

    def __call__(self, logits: Tensor, labels: Tensor, mix: tuple[float, Tensor] | None = None) -> Tensor:
        """The mean over images and types."""
        wanted = labels * (1 - self.smoothing) + self.smoothing / 2
        if mix is not None:
            share, partner = mix
            wanted = share * wanted + (1 - share) * wanted[partner]
        weights = None if self.weights is None else self.weights.to(logits.device)
        return binary_cross_entropy_with_logits(logits, wanted, pos_weight=weights)
