"""Batches of training images in an order that depends on the seed and the epoch only."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Sampler

from system.errors import OptionError
from training.device_group import DeviceGroup

if TYPE_CHECKING:
    from numpy.typing import NDArray

EpochKey = tuple[int, int]


class EpochBatches(Sampler[list[EpochKey]]):
    """Batches of (epoch, number), where `number` counts the images from 0; all batches of nearly the same size.

    A last batch of one or two images would have unusual batch statistics, and leaving it out would lose images.
    Because the key contains the epoch, a sample is the same in any worker process and after any interruption.
    With a `group`, each batch is the part of this process. Raises OptionError if it would be empty.
    """

    def __init__(self, count: int, batch: int, seed: int, group: DeviceGroup | None = None) -> None:
        self.count = count
        self.batches = -(-count // batch)
        self.seed = seed
        self.epoch = 0
        self.group = group
        if group and count // self.batches < group.size:
            problem = f"a batch of {count // self.batches} images cannot be split among {group.size} devices"
            raise OptionError(f"--batch {batch}", problem, "give more images or fewer --devices")
        self.sampler = self  # the attribute of a batch sampler where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0; Lightning calls this before each epoch, also after resuming."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[EpochKey]]:
        for part in np.array_split(self.order(), self.batches):
            start, stop = self.group.bounds(len(part)) if self.group else (0, len(part))
            yield [(self.epoch, int(number)) for number in part[start:stop]]

    def order(self) -> "NDArray[np.int64]":
        """The numbers of the images of the epoch, in order."""
        return np.random.default_rng((self.seed, self.epoch)).permutation(self.count)
