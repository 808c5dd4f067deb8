"""The one tree of errors that a user can mend, each told in one line."""

from pathlib import Path


class DefectlineError(Exception):
    """Something the user can mend: where it is, what is wrong there, what to do about it."""

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
    """A file or folder that was read is not what it should be."""


class OptionError(DefectlineError):
    """A value given on the command line or in a recipe does not do."""


class OutputError(DefectlineError):
    """The destination cannot take what is to be written."""


class WeightsError(DefectlineError):
    """Weights or checkpoints that cannot be had or cannot be read."""
