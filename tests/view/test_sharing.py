"""Take a selection out of the page: names, CSV, print; back, tabs and arrow keys."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.view.browser import Open, settle, shown


def saved(page: Any, button: str) -> str:
    page.click("#share summary")
    with page.expect_download() as waiting:
        page.click(button)
    return Path(waiting.value.path()).read_bytes().decode()


def test_names_and_table_of_the_selection(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    page.click('.chip[data-key="defective"]')
    settle(page)
    order = page.evaluate("() => window.defectline.results().chosen.map((image) => image.name)")
    assert saved(page, "#save-names").split() == order
    rows = list(csv.DictReader(io.StringIO(saved(page, "#save-csv"))))
    assert [row["image"] for row in rows] == order
    sums = page.evaluate("() => window.defectline.results().sums[0]")
    for column, key in (("image missed", "missed"), ("defects found", "found"), ("defects missed", "unfound")):
        assert sum(int(row[column]) for row in rows) == sums[key]


def test_a_name_cannot_become_a_formula(javascript: Callable[..., Any]) -> None:
    names = ["=1+1.png", "-x.png", "a,b.png", 'a"b.png', "-1.5"]
    written = javascript("share", "argument0.map(cell)", names)
    assert written == ["'=1+1.png", "'-x.png", '"a,b.png"', '"a""b.png"', "-1.5"]


def test_back_closes_the_large_view_and_keeps_the_settings(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    for _ in range(2):
        page.locator(".tile").first.click()
        settle(page)
        page.keyboard.press("[")
        page.wait_for_timeout(250)
        thresholds = page.evaluate("() => [...window.defectline.state.thresholds]")
        page.evaluate("() => history.back()")
        page.wait_for_function("() => !document.getElementById('large').open")
        page.wait_for_timeout(250)
        assert page.evaluate("() => window.defectline.state.thresholds") == thresholds
        assert page.locator("#count").is_visible()
    page.locator(".tile").first.click()
    settle(page)
    page.keyboard.press("Escape")
    page.wait_for_function("() => history.state === null")
    assert not page.locator("#large").is_visible()


def test_a_tab_keeps_its_place(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page, "tile=400")
    page.evaluate("() => { document.getElementById('main').scrollTop = 300; }")
    page.keyboard.press("v")
    settle(page)
    page.keyboard.press("v")
    settle(page)
    assert page.evaluate("() => document.getElementById('main').scrollTop") == 300


def test_arrow_keys_move_in_four_directions(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    names = page.evaluate("() => window.defectline.results().chosen.map((image) => image.name)")
    columns = page.evaluate(
        """() => { const tops = [...document.querySelectorAll(".tile")].map((t) => t.getBoundingClientRect().top);
          return tops.filter((top) => top === tops[0]).length; }"""
    )
    focused = "() => document.activeElement.dataset.name"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == names[0]
    for key, at in (("ArrowRight", 1), ("ArrowDown", 1 + columns), ("ArrowLeft", columns), ("ArrowUp", 0)):
        page.keyboard.press(key)
        assert page.evaluate(focused) == names[at]


def test_the_print_has_a_cover_and_every_image_of_the_selection(opened: Open, compare_page: Path) -> None:
    page = opened(compare_page)
    page.click('.chip[data-key="defective"]')
    settle(page)
    page.evaluate("() => { window.print = () => { window.printed = true; }; }")
    page.click("#share summary")
    page.click("#print")
    page.wait_for_function("() => window.printed")
    page.emulate_media(media="print")
    names = [text.split("\n")[0] for text in page.locator(".printed figcaption").all_inner_texts()]
    assert sorted(names) == shown(page)
    assert page.locator(".cover .card-facts").count() == 2
    assert not page.locator("#side").is_visible()
    width = page.evaluate("() => document.documentElement.clientWidth")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.locator(".printed svg image").count() == 2 * len(names)
    assert page.locator(".printed-panes .letter").all_text_contents() == ["A", "B"] * len(names)
