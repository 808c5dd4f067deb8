"""Every code of a conversion is documented, with its kind and its meaning, in the tables of the conversions."""

import re
from itertools import chain
from pathlib import Path

import pytest

from convert.codes import CODES
from datasets.check.codes import CHECK_CODES

PAGE = (Path(__file__).parents[2] / "docs/codes.md").read_text(encoding="utf-8")
DOCUMENTED = PAGE.replace("`", "")
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (\w+) \|", re.MULTILINE)


def tables(section: str) -> list[list[tuple[str, str]]]:
    """(code, kind or level) of each row, for each table of a section of the page."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (content,) = (part for part in text if part.startswith(section))
    return [rows for block in re.split(r"\n\n+", content) if (rows := ROW.findall(block))]


@pytest.mark.parametrize("code", list(CODES))
def test_every_code_is_documented_with_its_kind_and_meaning(code: str) -> None:
    assert f"| {code} | {CODES[code].kind} | {CODES[code].meaning}" in DOCUMENTED


def test_tables_have_the_codes_of_their_own_section_only_each_once() -> None:
    conversions, (checks,) = tables("Conversions"), tables("`datasets check`")
    assert len(conversions) >= 10
    for rows in (*conversions, checks):
        assert len({code for code, _ in rows}) == len(rows)
    assert set(chain.from_iterable(conversions)) == {(code, one.kind) for code, one in CODES.items()}
    assert set(checks) == {(code, one.level) for code, one in CHECK_CODES.items()}
