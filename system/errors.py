"""Errors the user can fix, each reported in one line."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

MAX_QUOTED = 2000  # characters of each part of an error: a file may contain a value of megabytes
END_QUOTED = 200  # of these, at the end


class DefectlineError(Exception):
    """An error the user can fix: its place, the problem and the remedy.

    `code` is its kind in --json (docs/json.md). `of_option`: the place is an option with its value, not a file.
    """

    code: ClassVar[str] = "other"
    of_option: ClassVar[bool] = False

    def __init__(self, where: Path | str, problem: str, remedy: str) -> None:
        where = shortened(where) if isinstance(where, str) else where
        problem, remedy = shortened(problem), shortened(remedy)
        super().__init__(where, problem, remedy)
        self.where = where
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        """One line without control characters, so that no file name can break the terminal."""
        line = f"{self.where}: {self.problem}; {self.remedy}"
        return "".join(c if c.isprintable() else " " for c in line)


class InputError(DefectlineError):
    """A file or folder that was read has content that cannot be used."""

    code = "input"


class CombinedInputError(InputError):
    """Several faults of the input, each reported on its own line."""

    def __init__(self, errors: Sequence[InputError], hidden: int = 0) -> None:
        first = errors[0]
        super().__init__(first.where, first.problem, first.remedy)
        self.errors = tuple(errors)
        self.hidden = hidden

    def __reduce__(self) -> tuple[type["CombinedInputError"], tuple[tuple[InputError, ...], int]]:
        """Pickled with all its errors."""
        return CombinedInputError, (self.errors, self.hidden)

    def __str__(self) -> str:
        """A line for each error."""
        lines = [str(error) for error in self.errors]
        return "\n".join([*lines, f"and {self.hidden} more"] if self.hidden else lines)

    def limited(self, limit: int) -> "CombinedInputError":
        """The first `limit` errors, and the number of the others."""
        return CombinedInputError(self.errors[:limit], self.hidden + max(0, len(self.errors) - limit))


def shortened(text: str) -> str:
    """`text`, or its beginning and end if it is too long for an error.

    >>> len(shortened("a" * 10**6))
    2005
    """
    if len(text) <= MAX_QUOTED:
        return text
    return f"{text[: MAX_QUOTED - END_QUOTED]} ... {text[-END_QUOTED:]}"


def separate(errors: Iterable[InputError]) -> list[InputError]:
    """The errors, each CombinedInputError replaced by its parts."""
    return [
        one for error in errors for one in (error.errors if isinstance(error, CombinedInputError) else (error,))
    ]


def raise_together(errors: Iterable[InputError]) -> None:
    """Raise the only error of `errors`, or CombinedInputError with all of them; do nothing if there is none."""
    flat = separate(errors)
    if len(flat) == 1:
        raise flat[0]
    if flat:
        raise CombinedInputError(flat)


@contextmanager
def collected(errors: list[InputError] | None) -> Iterator[None]:
    """Append an InputError of the block to `errors` instead of raising it; if `errors` is None, raise it."""
    try:
        yield
    except InputError as error:
        if errors is None:
            raise
        errors.append(error)


class OptionError(DefectlineError):
    """A value given on the command line or in a recipe cannot be used."""

    code = "option"
    of_option = True


class OutputError(DefectlineError):
    """The destination cannot be written."""

    code = "output"


class WeightsError(DefectlineError):
    """Weights or checkpoints that cannot be found, downloaded or read."""

    code = "weights"


class OperatingSystemError(DefectlineError):
    """The operating system refused something, or memory ran out."""

    code = "system"


class ClusterError(DefectlineError):
    """The cluster named by --on cannot be used, or failed during the work."""

    code = "cluster"


class StorageError(DefectlineError):
    """Object storage cannot be reached or used, or refused something."""

    code = "storage"


class UnexpectedError(DefectlineError):
    """A fault of the program."""

    code = "unexpected"


def raise_first(errors: Iterable[DefectlineError]) -> None:
    """Raise the first of `errors`, if there is one. A conversion stops at the first error; a check reports all."""
    for error in errors:
        raise error


def first_line(error: BaseException, limit: int) -> str:
    """What an error of a library states, at most `limit` characters; its type if it states nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:limit]
