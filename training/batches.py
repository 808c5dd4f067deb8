"""Batches of training images in an order that depends on the seed and the epoch only."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

EpochKey = tuple[int, int]


class EpochBatches(Sampler[list[EpochKey]]):
    """Batches of (epoch, number), where `number` counts the images from 0; all batches of nearly the same size.

    A last batch of one or two images would have unusual batch statistics, and leaving it out would lose images.
    Because the key contains the epoch, a sample is the same in any worker process and after any interruption.
    """

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count = count
        self.batches = -(-count // batch)
        self.seed = seed
        self.epoch = 0
        self.sampler = self  # the attribute of a batch sampler where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0; Lightning calls this before each epoch, also after resuming."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[EpochKey]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
        for part in np.array_split(order, self.batches):
            yield [(self.epoch, int(number)) for number in part]
