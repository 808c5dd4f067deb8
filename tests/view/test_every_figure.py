"""Every figure of a table is a button that shows the images that it is computed from."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.view.browser import Open, settle, shown

PLAIN = r"""() => [...document.querySelectorAll(".card td")]
  .filter((cell) => /[1-9]/.test(cell.textContent))
  .filter((cell) => !cell.querySelector("button, .none") && !cell.closest(".unreachable"))
  .filter((cell) => cell.closest("tr").cells[0].textContent !== "val") // images that the page does not have
  .map((cell) => cell.textContent)"""
IMAGES = """(column) => {
  const { judged, chosen } = window.defectline.results();
  return chosen.filter((image) => {
    const one = judged[0][image.index];
    const { predictions } = image.runs[0];
    const truths = image.truths.some(({ type }) => type === 0);
    const counting = predictions.slice(0, one.count).some(({ type }) => type === 0);
    const found = one.matched.some((t) => t >= 0 && image.truths[t].type === 0);
    if (column === "recall") return truths;
    if (column === "precision") return counting || found;
    return truths || predictions.some(({ type }) => type === 0);
  }).map(({ name }) => name).sort();
}"""


@pytest.mark.parametrize("page_name", ["seg_page", "compare_page"])
def test_only_intervals_differences_and_zeros_are_not_buttons(
    page_name: str, opened: Open, request: pytest.FixtureRequest
) -> None:
    page = opened(request.getfixturevalue(page_name), "tab=tables")
    settle(page)
    plain: list[str] = page.evaluate(PLAIN)
    assert page.locator(".card td button").count() > 60
    assert [text for text in plain if " … " not in text and text[0] not in "+−"] == []


@pytest.mark.parametrize("column", ["precision", "recall", "ap"])
def test_a_share_shows_the_images_it_is_computed_from(opened: Open, seg_page: Path, column: str) -> None:
    page: Any = opened(seg_page)
    expected = page.evaluate(IMAGES, column)
    page.keyboard.press("v")
    settle(page)
    page.click(f'[data-cell="type,0,{column}"]')
    settle(page)
    assert shown(page) == expected
    assert 0 < len(expected) < 18
    assert "broken_large" in page.locator("#bar .chip").first.inner_text()


def test_a_measured_value_shows_the_images_of_its_type(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page, "tab=tables&text=zzz")
    settle(page)
    page.locator(".measured tr", has_text="missed of contamination").first.locator("button").nth(1).click()
    settle(page)
    assert page.evaluate("() => window.defectline.state.cell") == ["annotated", 2, "all"]
    assert 0 < len(shown(page)) < 18
    page.keyboard.press("v")
    settle(page)
    page.locator(".card-facts + .scroll button, dl + .scroll button").first.click()
    settle(page)
    assert len(shown(page)) == 18


@pytest.mark.parametrize("page_name", ["seg_page", "compare_page"])
def test_a_measured_count_shows_exactly_these_images(
    page_name: str, opened: Open, request: pytest.FixtureRequest
) -> None:
    """At the thresholds of metrics.json, whatever is set; other values show what they were measured on."""
    page: Any = opened(request.getfixturevalue(page_name), "tab=tables&thresholds=[0.9]&iou=0.8")
    settle(page)
    cells = 0
    for row, column, kind in [
        (0, 0, "missed"),
        (0, 1, "defective"),
        (1, 0, "alarm"),
        (1, 1, "good"),
    ]:
        images = page.locator(".measured figure", has=page.locator("strong", has_text=re.compile("^Images$")))
        cell = images.locator("tr").nth(row + 1).locator("td").nth(column)
        count = int(cell.inner_text())
        cells += 1
        if not count:
            assert cell.locator("button").count() == 0
            continue
        cell.locator("button").click()
        settle(page)
        assert page.evaluate("() => window.defectline.state.show") == [kind]
        assert len(shown(page)) == count
        page.keyboard.press("v")
        settle(page)
    assert cells == 4


def test_only_what_depends_on_the_threshold_is_drawn_again(opened: Open, compare_page: Path) -> None:
    page: Any = opened(compare_page, "tab=tables")
    settle(page)
    page.evaluate("() => { for (const card of document.querySelectorAll('.card')) card.mark = true; }")
    titles = page.locator("#tables > .cards > .card figcaption").all_inner_texts()
    page.evaluate("() => window.defectline.store.change({ thresholds: [0.9, 0.9] })")
    settle(page)
    kept = page.evaluate("() => [...document.querySelectorAll('.card')].map((card) => Boolean(card.mark))")
    assert kept.count(False) in range(3, len(kept) // 2)  # runs, changes, confusion, types and sizes
    assert all(kept[-2:])  # tables of metrics.json
    after = page.locator("#tables > .cards > .card figcaption").all_inner_texts()
    assert [text.split(",")[0] for text in after] == [text.split(",")[0] for text in titles]
    other = opened(compare_page, "tab=tables&thresholds=[0.9,0.9]")
    settle(other)
    texts = [one.locator("#tables > .cards").inner_text() for one in (page, other)]
    assert texts[0] == texts[1]
    page.evaluate("() => window.defectline.store.change({ focus: 1 })")
    settle(page)
    assert "· run B" in page.locator("#tables .measured h2").inner_text().replace("Run", "run")


def test_words_in_a_measured_table_start_at_the_left_and_at_the_top(opened: Open, seg_page: Path) -> None:
    page: Any = opened(seg_page, "tab=tables", viewport={"width": 390, "height": 844})
    settle(page)
    rows: list[list[list[float]]] = page.evaluate(
        """() => {
          const first = (cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            const { left, top, right } = range.getClientRects()[0];
            return [left, top, right - left];
          };
          const card = [...document.querySelectorAll(".measured figure")]
            .find((one) => one.querySelector("strong").textContent.startsWith("Suspected"));
          return [...card.querySelectorAll("tr")].slice(1).map(({ cells }) => [first(cells[0]), first(cells[3])]);
        }"""
    )
    assert rows
    assert len({round(reason[0]) for _, reason in rows}) == 1
    assert all(abs(name[1] - reason[1]) < 3 for name, reason in rows)
