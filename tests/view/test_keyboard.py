"""The grid has one tab stop, which the keys move, also to images that are not drawn yet; charts follow keys."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.view.browser import Open, settle
from view.data import page_data
from view.page import page_text
from view.scene import run_scene

FOCUSED = "() => document.activeElement.dataset.name"
STOPS = "() => [...document.querySelectorAll('.tile')].filter((t) => t.tabIndex === 0).map((t) => t.dataset.name)"


@pytest.fixture(scope="module")
def many_page(seg_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A page of 900 images, and their names in order."""
    data = page_data(run_scene([seg_run], "test"))
    images = [
        msgspec.structs.replace(image, name=f"{k:02d}/{image.name}", crops=[(0, 0, 200, 160, "data:,")])
        for k in range(50)
        for image in data.images
    ]
    file = tmp_path_factory.mktemp("many") / "many.html"
    file.write_text(page_text(msgspec.structs.replace(data, images=images)))
    return file, [image.name for image in images]


def test_positions_after_each_key(javascript: Callable[..., Any]) -> None:
    size = {"count": 11, "columns": 4, "rows": 2}  # rows of 4, 4 and 3
    expected = {
        ("ArrowRight", 3): 4, ("ArrowRight", 10): 10, ("ArrowLeft", 4): 3, ("ArrowLeft", 0): 0,
        ("ArrowDown", 1): 5, ("ArrowDown", 7): 10, ("ArrowDown", 9): 9, ("ArrowUp", 9): 5, ("ArrowUp", 2): 2,
        ("PageDown", 1): 9, ("PageDown", 5): 9, ("PageUp", 10): 2, ("PageUp", 6): 2,
        ("Home", 6): 0, ("End", 6): 10, ("x", 6): None,
    }  # fmt: skip
    presses = [[key, at] for key, at in expected]
    found = javascript("roving", "argument0.map(([key, at]) => nextPosition(key, at, argument1))", presses, size)
    assert found == list(expected.values())
    assert javascript("roving", 'nextPosition("End", 0, { count: 0, columns: 1, rows: 1 })') is None


def test_the_grid_is_one_tab_stop(opened: Open, many_page: tuple[Path, list[str]]) -> None:
    file, names = many_page
    page = opened(file)
    settle(page)
    assert page.evaluate(STOPS) == [names[0]]
    page.locator(".tile").nth(2).focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(STOPS) == [page.evaluate(FOCUSED)] == [names[3]]
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('#images')") is None
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(FOCUSED) == names[3]
    page.keyboard.press("End")
    assert page.evaluate(FOCUSED) == names[-1]
    page.keyboard.press("Home")
    assert page.evaluate(FOCUSED) == names[0]
    page.keyboard.press("PageDown")
    assert names.index(page.evaluate(FOCUSED)) > 3


def test_images_are_read_in_their_order(opened: Open, many_page: tuple[Path, list[str]]) -> None:
    page = opened(many_page[0])
    for top in (5000, 4700, 0):
        page.evaluate("(top) => { document.getElementById('main').scrollTop = top; }", top)
        settle(page)
        drawn = page.evaluate("() => [...document.querySelectorAll('.tile')].map((t) => t.dataset.name)")
        assert drawn == sorted(drawn)


def test_keys_in_the_side_panel_do_not_move_the_grid(opened: Open, many_page: tuple[Path, list[str]]) -> None:
    page = opened(many_page[0])
    page.locator('.chip[data-key="defective"]').focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("() => document.activeElement.dataset.key") == "defective"


def test_the_closed_large_view_leaves_the_focus_on_its_image(
    opened: Open, many_page: tuple[Path, list[str]]
) -> None:
    file, names = many_page
    page = opened(file)
    page.locator(".tile").first.click()
    settle(page)
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    settle(page)
    page.keyboard.press("Escape")
    settle(page)
    assert page.evaluate(FOCUSED) == names[20]


def test_a_chart_is_moved_by_keys(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page, "tab=tables")
    for chart in ("miss-alarm", "score-histogram", "confidence-chart"):
        page.locator(f"#{chart}").focus()
        page.keyboard.press("End")
        settle(page)
        highest = page.evaluate("() => window.defectline.state.thresholds[0]")
        page.keyboard.press("Home")
        settle(page)
        assert page.evaluate("() => window.defectline.state.thresholds[0]") < highest
        assert page.evaluate("() => document.activeElement.id") == chart
        assert float(page.locator(f"#{chart}").get_attribute("aria-valuenow")) < highest


def test_a_folder_of_another_split_is_not_shown(opened: Open, seg_run: Path, tmp_path: Path) -> None:
    data = page_data(run_scene([seg_run], "test"))
    first, second = data.images[:2]
    images = [
        msgspec.structs.replace(image, name=name, crops=[(0, 0, 200, 160, "data:,")])
        for image, name in ((first, "train/good/006.png"), (second, "test/good/006.png"))
    ]
    file = tmp_path / "moved.html"
    file.write_text(page_text(msgspec.structs.replace(data, images=images)))
    page = opened(file)
    names = page.locator(".tile .name")
    assert [text.split() for text in names.all_inner_texts()] == [
        ["good/", "006.png", "test"],
        ["test/good/", "006.png", "test"],
    ]
    assert names.first.get_attribute("title") == "train/good/006.png"
    page.locator(".tile").first.click()
    settle(page)
    title = page.locator("#large h2")
    assert page.locator("#large header .split").inner_text() == "test"
    assert title.inner_text() == "good/006.png"
    assert title.get_attribute("title") == "train/good/006.png"
