"""Collect the faults of the input: report all of them together, or leave out the bad images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from convert.report import Event
from system.errors import InputError, raise_together

T = TypeVar("T")
R = TypeVar("R")


class Fault(msgspec.Struct, frozen=True):
    """An error in one file; `file_name` is its name in the dataset or in the source."""

    file_name: str
    error: InputError


class Faults:
    """The faults of one conversion. With `skip` they become events, otherwise errors."""

    def __init__(self, *, limit: int, skip: bool) -> None:
        self._limit = limit
        self._skip = skip
        self._faults: list[Fault] = []

    def sift(self, results: Iterable[R | Fault]) -> Iterator[R]:
        """Yield the results without faults. Raises InputError when the limit is reached."""
        for result in results:
            if isinstance(result, Fault):
                self.add(result)
            else:
                yield result

    def add(self, fault: Fault) -> None:
        """Add a fault. Raises InputError with all faults when the limit is reached."""
        self._faults.append(fault)
        if not self._skip and len(self._faults) >= self._limit:
            self.check()

    def check(self) -> None:
        """Raise InputError with all faults, unless bad files are skipped."""
        if not self._skip:
            raise_together([fault.error for fault in self._faults])

    def events(self) -> list[Event]:
        """An event for each bad file that was skipped."""
        return [Event(fault.file_name, "", "bad-input", fault.error.problem) for fault in self._faults]


def planning_events(root: Path, errors: Sequence[InputError], *, skip: bool) -> list[Event]:
    """An event for each fault that was found before any image is converted, if bad files are skipped.

    File names are relative to `root`. Raises InputError with all faults otherwise.
    """
    if not skip:
        raise_together(errors)
    return [Event(_below(root, error.where), "", "bad-input", error.problem) for error in errors]


def _below(root: Path, where: Path | str) -> str:
    path = Path(where)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(where)


class Guarded(msgspec.Struct, Generic[T, R], frozen=True):
    """A picklable function that returns an InputError of `work` as a fault instead of raising it."""

    work: Callable[[T], R]
    name_of: Callable[[T], str]

    def __call__(self, item: T) -> R | Fault:
        """The result of `work(item)`, or the fault of that item."""
        try:
            return self.work(item)
        except InputError as error:
            return Fault(self.name_of(item), error)


class GuardedBatch(msgspec.Struct, Generic[T, R], frozen=True):
    """`Guarded` of a function of several items; if one of them is bad, each is worked on alone."""

    work: Callable[[Sequence[T]], list[R]]
    name_of: Callable[[T], str]

    def __call__(self, items: Sequence[T]) -> list[R | Fault]:
        """The result or the fault of each item."""
        try:
            return list(self.work(items))
        except InputError as error:
            if len(items) == 1:
                return [Fault(self.name_of(items[0]), error)]
        return [result for item in items for result in self([item])]
