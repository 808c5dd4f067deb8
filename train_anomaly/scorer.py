"""The interface of every trained method: a network from images to distances from good images."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from features.encoder import Encoder
from features.score_map import Enlarging
from train_anomaly.spec import AnomalySpec


class Scorer(nn.Module, ABC):
    """Images N x 3 x rows x columns, RGB of any number type, to distances N x h x w of at least 0.

    A larger distance is farther from good images; h x w is the grid of the method. `learnt` are the names of
    buffers whose shapes depend on the training images, `enlarging` is the interpolation of new maps.
    """

    learnt: ClassVar[tuple[str, ...]] = ()
    enlarging: ClassVar[Enlarging] = "linear"

    def __init__(self, spec: AnomalySpec, encoder: Encoder | None) -> None:
        del encoder  # a method that needs one keeps it
        super().__init__()
        self.spec = spec
        for name in self.learnt:
            if "." not in name:
                self.register_buffer(name, torch.zeros(0))

    @abstractmethod
    def forward(self, pixels: Tensor) -> Tensor:
        """The distances."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load the tensors of a weights file. Raises RuntimeError if they do not fit."""
        for name in self.learnt:
            module, _, buffer = name.rpartition(".")
            setattr(self.get_submodule(module), buffer, state[name])
        self.load_state_dict(dict(state))


class OnePassScorer(Scorer):
    """A method that looks at every good image once."""

    @abstractmethod
    def learn(self, images: Tensor) -> None:
        """Learn from good images, N x 3 x rows x columns uint8. Raises OptionError."""


class LeaveOneOutScorer(OnePassScorer):
    """A method that can also measure each learnt image against the others, so that none has to be held out."""

    @abstractmethod
    def leave_one_out(self, images: Tensor) -> list[Tensor]:
        """The distances h x w of each learnt image from all the others, in order."""


class TrainedScorer(Scorer):
    """A method that is trained for epochs by gradients."""

    @abstractmethod
    def start(self, images: Tensor) -> None:
        """Prepare for the first epoch by the good images, N x 3 x rows x columns uint8."""

    def inputs(self, images: Tensor) -> Tensor:
        """What `step` and `loss` take for good images, computed once after `start`: the images themselves."""
        return images

    @abstractmethod
    def step(self, batch: Tensor) -> float:
        """Update the weights by a batch of `inputs` and return the loss."""

    @abstractmethod
    def loss(self, batch: Tensor) -> float:
        """The loss of a batch of `inputs` without an update."""

    @abstractmethod
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimizers, whose states are stored to resume a training."""

    def settle(self, images: Tensor) -> None:
        """Prepare to be saved as the best: what depends on the weights and the good images. Nothing by default."""

    def check_trained(self, images: Tensor) -> None:
        """Raise OptionError if the output of the trained network is the same for all images."""
