"""Every code of a conversion is documented, with its kind and its meaning."""

from pathlib import Path

import pytest

from convert.codes import CODES

DOCUMENTED = (Path(__file__).parents[2] / "docs/codes.md").read_text(encoding="utf-8").replace("`", "")


@pytest.mark.parametrize("code", list(CODES))
def test_every_code_is_documented_with_its_kind_and_meaning(code: str) -> None:
    assert f"| {code} | {CODES[code].kind} | {CODES[code].meaning}" in DOCUMENTED
