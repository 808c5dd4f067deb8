"""Every code of `annotate check` is documented, and its additional codes differ from those of `datasets check`."""

from pathlib import Path

import pytest

from annotate.findings import MEANING_OF_OWN_CODE, meaning
from datasets.check.codes import CHECK_CODES

DOCUMENTED = (Path(__file__).parents[2] / "docs/codes.md").read_text(encoding="utf-8")
SECTION = DOCUMENTED.partition("## `annotate check`")[2]


@pytest.mark.parametrize("code", MEANING_OF_OWN_CODE)
def test_every_own_code_is_documented(code: str) -> None:
    assert f"| `{code}` |" in SECTION
    assert code not in CHECK_CODES
    assert meaning(code) == MEANING_OF_OWN_CODE[code]


def test_the_section_documents_no_code_that_does_not_exist() -> None:
    codes = {line.split("`")[1] for line in SECTION.splitlines() if line.startswith("| `")}
    assert codes == set(MEANING_OF_OWN_CODE)
