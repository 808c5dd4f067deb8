"""The corner of the curve of misses and false alarms states why it has no point."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.view.browser import Open, settle
from view.page import json_text


@pytest.mark.parametrize(("locale", "words"), [("en", "no point here"), ("zh-TW", "此處沒有任何點")])
def test_an_empty_corner_states_what_every_threshold_costs(
    locale: str, words: str, opened: Open, seg_page: Path, tmp_path: Path
) -> None:
    before, found = seg_page.read_text("utf-8").split('id="data">', 1)
    text, after = found.split("</script>", 1)
    data = json.loads(text)
    for image in data["images"]:
        image |= {"predictions": [[]], "overlaps": [[]], "inside": [[]]}
    silent = tmp_path / "silent.html"
    silent.write_text(f'{before}id="data">{json_text(data)}</script>{after}', "utf-8")
    page: Any = opened(silent, "tab=tables&corner=true", locale=locale)
    settle(page)
    assert words in page.locator("#empty-corner").text_content()
    assert words in page.locator("#miss-alarm").get_attribute("aria-label")
    box, chart = page.locator("#empty-corner").bounding_box(), page.locator("#miss-alarm").bounding_box()
    assert chart["x"] <= box["x"]
    assert box["x"] + box["width"] <= chart["x"] + chart["width"]
    page.click("#corner")
    settle(page)
    assert page.locator("#empty-corner").count() == 0
    other: Any = opened(seg_page, "tab=tables&corner=true", locale=locale)
    settle(other)
    assert other.locator("#empty-corner").count() == 0
