"""The interface of exporters whose networks can be computed with fewer bits."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from training.exporter import Exporter
from training.trainer import Predictor

if TYPE_CHECKING:
    from training.exported_model import Runner


class Quantisable(Exporter):
    """An exporter that offers the original and the exported network as predictors.

    `float_layers` (patterns of names) are the layers that are not computed with 8-bit integers, because they are
    exact only in floating point. `head_layers` are those of the last part of the network, kept in floating point
    where all others alone lose too much.
    """

    float_layers: Sequence[str] = ()
    head_layers: Sequence[str] = ()

    @abstractmethod
    def original(self) -> Predictor:
        """The original model on the CPU."""

    @abstractmethod
    def exported(self, run: "Runner") -> Predictor:
        """The same with `run`, from the input to the output of an exported network, in place of the network."""
