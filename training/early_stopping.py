"""Which epoch of a training is the best so far, and for how long none was better."""

from collections.abc import Mapping
from typing import Any

import msgspec


class Best(msgspec.Struct, frozen=True):
    """The best monitored `value` so far (larger is better), and the epoch that first reached it.

    Epochs count from 1; `value` None and `epoch` 0 before the first.
    """

    value: float | None = None
    epoch: int = 0

    def after(self, epoch: int, value: float) -> "tuple[Best, bool]":
        """The best after one more epoch, and whether that epoch is to be kept.

        Of epochs that are equally good the later is kept, being trained longer, but does not count as better.
        """
        if self.value is None or value > self.value:
            return Best(value, epoch), True
        return self, value == self.value

    def exhausted(self, epoch: int, patience: int) -> bool:
        """Whether `patience` epochs in a row, up to `epoch`, brought no better value; never where it is 0."""
        return bool(patience) and self.value is not None and epoch - self.epoch >= patience


def stored_best(state: Mapping[str, Any]) -> Best:
    """What a resume state keeps under `best`; nothing yet where it keeps none. Raises msgspec.ValidationError."""
    return msgspec.convert(state.get("best") or {}, Best)
