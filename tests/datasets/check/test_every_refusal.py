"""`datasets check` reports every refusal of a conversion in the same words, because both call the same code.

The second half proves that no refusal is left out: every place in the code that refuses input is reached by a
case, or listed with the reason why `datasets check` does not state it.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from system.errors import CombinedInputError, InputError
from tests.refusal_cases.allowances import ALLOWED
from tests.refusal_cases.case import Case
from tests.refusal_cases.sites import CLASSES, UNKNOWN, recorded, single, site_of, sites
from tests.refusal_cases.tables import CASES

BY_NAME = {case.name: case for case in CASES}
KNOWN = sites()


@dataclass(frozen=True)
class Outcome:
    """The refusals of a conversion as (site, words), and the words and sites of the check of the same input."""

    refused: list[tuple[str, str]]
    stated: list[str]
    sites: set[str]
    ended: bool
    left_behind: bool


@cache
def outcome(name: str) -> Outcome:
    case = BY_NAME[name]
    with TemporaryDirectory() as folder:
        return run(case, Path(folder))


def run(case: Case, folder: Path) -> Outcome:
    source, dest = folder / "source", folder / "out"
    case.write(source)
    with recorded() as lines:
        try:
            case.convert(source, dest)
            refused = []
        except InputError as error:
            refused = [(site_of(lines[id(one)], KNOWN), one.problem) for one in single(error)]
    with recorded() as lines:
        try:
            stated = [finding.value for finding in case.check(source).findings]
            ended = False
        except InputError as error:
            stated = [one.problem for one in single(error)]
            ended = True
    reached = {site_of(line, KNOWN) for line in lines.values()}
    return Outcome(refused, stated, reached, ended, dest.exists())


def test_every_case_has_a_unique_name() -> None:
    assert [name for name, times in Counter(case.name for case in CASES).items() if times > 1] == []


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_refusal_is_stated_by_the_check(name: str) -> None:
    case, result = BY_NAME[name], outcome(name)
    assert len(result.refused) == case.faults
    assert not result.left_behind
    assert [words for _, words in result.refused if words not in result.stated] == []
    assert result.ended == case.ends
    assert [site for site, _ in result.refused if site == UNKNOWN] == []
    if not case.own_code:
        assert [site for site, _ in result.refused if site not in result.sites] == []


def reached() -> set[str]:
    """The sites at which a conversion of a case refuses and whose words the check states."""
    outcomes = (outcome(name) for name in BY_NAME)
    return {site for one in outcomes for site, words in one.refused if words in one.stated}


def test_every_refusal_has_a_case_or_a_reason() -> None:
    assert sorted(KNOWN.keys() - reached() - ALLOWED.keys()) == []


def test_every_reason_is_needed() -> None:
    assert sorted(ALLOWED.keys() - KNOWN.keys()) == []
    assert sorted(ALLOWED.keys() & reached()) == []


def test_every_class_of_input_errors_is_looked_for() -> None:
    """Except for the one that combines several."""
    assert {"InputError", *(one.__name__ for one in InputError.__subclasses__())} - {
        CombinedInputError.__name__
    } == CLASSES
