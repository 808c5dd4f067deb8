"""Errors the user can fix, each reported in one line."""

from collections.abc import Iterable
from pathlib import Path


class DefectlineError(Exception):
    """An error the user can fix: where it is, what is wrong there, what to do about it."""

    def __init__(self, where: Path | str, problem: str, remedy: str) -> None:
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


class OptionError(DefectlineError):
    """A value given on the command line or in a recipe cannot be used."""


class OutputError(DefectlineError):
    """The destination cannot be written."""


class WeightsError(DefectlineError):
    """Weights or checkpoints that cannot be found, downloaded or read."""


def raise_first(errors: Iterable[DefectlineError]) -> None:
    """Raise the first of `errors`, if there is one: a conversion stops where a check reports everything."""
    for error in errors:
        raise error
