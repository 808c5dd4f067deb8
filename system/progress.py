"""The type of functions that show progress, such as `system.console.progress`."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Yields the given items and shows a label and how many of the total are done."""

    def __call__(self, items: Iterable[T], label: str, total: int, /) -> Iterable[T]:
        """Yield `items`; `total` is their number."""
