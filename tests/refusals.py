"""What a conversion refuses and what `datasets check` finds in the same input."""

from collections.abc import Callable
from pathlib import Path

import pytest

from convert.report import Report
from datasets.check.check import check
from datasets.check.facts import Limits
from system.errors import CombinedInputError, InputError


def refused_by(convert: Callable[[], Report]) -> list[str]:
    """The problems that a conversion states, one for each fault."""
    with pytest.raises(InputError) as refused:
        convert()
    error = refused.value
    return [one.problem for one in (error.errors if isinstance(error, CombinedInputError) else (error,))]


def found_by_check(root: Path, limits: Limits | None = None) -> list[str]:
    """The values of the findings; a dataset that cannot be read at all fails the test."""
    return [finding.value for finding in check(root, limits or Limits(), jobs=1).findings]


def agree(root: Path, convert: Callable[[], Report], dest: Path, faults: int = 1) -> list[str]:
    """Assert that a conversion refuses `faults` things in words that the check repeats; return them."""
    refused = refused_by(convert)
    assert not dest.exists()
    assert len(refused) == faults
    found = found_by_check(root)
    assert [problem for problem in refused if problem not in found] == []
    return refused
