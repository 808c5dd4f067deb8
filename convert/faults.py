"""Collect the faults of the input: report all of them together, or leave out the bad images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from convert.report import Event
from system.errors import InputError, raise_together, separate

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
        self.add_all([fault])

    def add_all(self, faults: Iterable[Fault]) -> None:
        """Add several faults. Raises InputError with all of them when the limit is reached."""
        self._faults += faults
        if not self._skip and len(self._faults) >= self._limit:
            self.check()

    def are_fatal(self) -> bool:
        """Whether the conversion ends in an error, so that nothing needs to be written."""
        return bool(self._faults) and not self._skip

    def check(self) -> None:
        """Raise InputError with all faults, unless bad files are skipped."""
        if not self._skip:
            raise_together([fault.error for fault in self._faults])

    def events(self) -> list[Event]:
        """An event for each bad file that was skipped."""
        return [Event(fault.file_name, "", "bad-input", fault.error.problem) for fault in self._faults]


def planning_faults(root: Path, errors: Iterable[InputError], prefix: str = "") -> list[Fault]:
    """The faults that were found before any image is converted; files are named as below `root`, with `prefix`."""
    return [Fault(prefix + _below(root, error.where), error) for error in separate(errors)]


@contextmanager
def reported_with(errors: Sequence[InputError], *, skip: bool) -> Iterator[None]:
    """Report an InputError of the block together with `errors`, unless bad files are skipped."""
    try:
        yield
    except InputError as error:
        raise_together([*([] if skip else errors), error])


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
