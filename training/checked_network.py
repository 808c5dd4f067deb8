"""Networks of received weights: values that are not numbers end a prediction instead of meaning "no defect"."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from system.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor


def checked_network(network: "Callable[[Tensor], Tensor]", name: str) -> "Callable[[Tensor], Tensor]":
    """`network`, which raises WeightsError if a value of its output is infinite or not a number.

    Finite weights can give such values: large ones overflow. `name` is that of the model in the message.
    """

    def checked(pixels: "Tensor") -> "Tensor":
        found = network(pixels)
        if not bool(found.isfinite().all()):
            raise WeightsError(f"the {name}", "gives values that are not numbers", "train again")
        return found

    return checked
