"""A case: an input that a conversion refuses, and how `datasets check` looks at it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convert.execution import Execution
from convert.report import Report
from datasets.check.check import Checked, check
from datasets.check.facts import Limits

RUN = Execution(jobs=1)
Convert = Callable[[Path, Path], Report]


def check_folder(root: Path) -> Checked:
    """`datasets check` without options, in this process."""
    return check(root, Limits(), jobs=1)


@dataclass(frozen=True)
class Case:
    """`write` writes the input into a folder that does not exist yet; `convert` takes it and a destination.

    `faults` is how many the conversion refuses together. With `ends` the check ends with the same error (status 2)
    instead of a finding. With `own_code` the check states the same words, but not by the same line of code.
    """

    name: str
    write: Callable[[Path], object]
    convert: Convert
    check: Callable[[Path], Checked] = check_folder
    faults: int = 1
    ends: bool = False
    own_code: bool = False


def cases(prefix: str, table: dict[str, Callable[[Path], object]], convert: Convert) -> list[Case]:
    """A case for each entry of a table of inputs for one conversion."""
    return [Case(f"{prefix}: {name}", write, convert) for name, write in table.items()]
