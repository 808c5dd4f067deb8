"""The best epoch so far, and early stopping after epochs without a better one."""

from collections.abc import Mapping

import msgspec


class Best(msgspec.Struct, frozen=True):
    """The best monitored `value` so far (larger is better), and the epoch that first reached it.

    Epochs count from 1; `value` None and `epoch` 0 before the first.
    """

    value: float | None = None
    epoch: int = 0

    def after(self, epoch: int, value: float) -> "tuple[Best, bool]":
        """The best after one more epoch, and whether to keep the weights of that epoch.

        Of equally good epochs the later one is kept, because it is trained longer, but it does not count as
        better.
        """
        if self.value is None or value > self.value:
            return Best(value, epoch), True
        return self, value == self.value

    def exhausted(self, epoch: int, patience: int) -> bool:
        """Whether the last `patience` epochs, up to `epoch`, brought no better value; always False if `patience`
        is 0."""
        return bool(patience) and self.value is not None and epoch - self.epoch >= patience


def stored_best(state: Mapping[str, object]) -> Best:
    """The value of `best` in a resume state, Best() where there is none. Raises msgspec.ValidationError."""
    return msgspec.convert(state.get("best") or {}, Best)
