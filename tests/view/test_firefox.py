"""The page in Firefox: the same numbers as in Chromium, keys, large view, PNG, and no error."""

import base64
import contextlib
import io
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

from tests.view.browser import Open
from tests.view.marionette import START_SECONDS, Firefox

NAMES = ("firefox-esr", "firefox")
RESULTS = """
  const { judged, chosen, sums } = window.defectline.results();
  const matched = judged.map((run) => run.map((one) => one.matched));
  return { sums, matched, chosen: chosen.map(({ name }) => name) };"""
SHOWN = """
  const seen = (tile) => [tile.querySelector("img").naturalWidth, tile.querySelectorAll(".overlay").length];
  return [...document.querySelectorAll(".tile")].map(seen);"""
SLIDE = """
  const slider = document.getElementById("confidence-0");
  slider.value = 1;
  slider.dispatchEvent(new Event("input"));"""
FOCUSED = "return document.activeElement.dataset.name;"
PNG = """
  return new Promise((done) => {
    URL.createObjectURL = (blob) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.readAsDataURL(blob);
      return "#";
    };
    document.getElementById("save-png").click();
  });"""


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    executable = next((found for name in NAMES if (found := shutil.which(name))), None)
    if executable is None:
        pytest.skip("no Firefox here, so the page is not tested in it (apt-get install firefox-esr)")
    with Firefox(executable, tmp_path_factory.mktemp("firefox")) as running:
        yield running


@pytest.fixture
def page(firefox: Firefox, seg_page: Path) -> Iterator[Firefox]:
    firefox.open(seg_page.resolve().as_uri())
    firefox.settle()
    yield firefox
    assert firefox.errors(seg_page.name) == []


def results(page: Firefox) -> dict[str, Any]:
    found: dict[str, Any] = page.run(RESULTS)
    return found


def test_the_same_numbers_as_in_chromium(page: Firefox, opened: Open, seg_page: Path) -> None:
    for address in ("", "thresholds=[0.3]&iou=0.4", 'thresholds=[0.6]&by=masks&show=["unfound"]&sort=errors'):
        page.open(f"{seg_page.resolve().as_uri()}#{address}")
        page.settle()
        chromium = opened(seg_page, address)
        assert results(page) == chromium.evaluate(f"() => {{ {RESULTS} }}")


def test_images_and_overlays_are_drawn(page: Firefox) -> None:
    deadline = time.monotonic() + START_SECONDS
    shown = page.run(SHOWN)
    while not all(one == [200, 1] for one in shown) and time.monotonic() < deadline:
        time.sleep(0.1)
        shown = page.run(SHOWN)
    assert len(shown) > 5
    assert all(one == [200, 1] for one in shown)
    with PillowImage.open(io.BytesIO(base64.b64decode(page.screenshot()))) as image:
        assert len(set(image.convert("RGB").resize((160, 100)).getdata())) > 300  # not an empty window


def test_keys_move_through_the_grid_and_the_large_view(page: Firefox) -> None:
    names = results(page)["chosen"]
    page.press("ArrowRight")
    assert page.run(FOCUSED) == names[0]
    page.press("End")
    assert page.run(FOCUSED) == names[-1]
    page.press("Home", "ArrowRight")
    assert page.run(FOCUSED) == names[1]
    page.press("Enter")
    assert page.run("return document.getElementById('large').open;")
    page.press("ArrowRight", "ArrowRight", "Escape")
    assert page.run(FOCUSED) == names[3]


def test_a_slider_and_a_figure_change_the_selection(page: Firefox) -> None:
    page.run(SLIDE)
    page.settle()
    found = results(page)
    missed = found["sums"][0]["missed"]
    assert missed == found["sums"][0]["defective"] > 0
    page.click('[data-figure="missed"] button')
    assert len(results(page)["chosen"]) == missed


def test_back_closes_the_large_view(page: Firefox) -> None:
    page.click(".tile")
    assert page.run("return document.getElementById('large').open;")
    page.send("WebDriver:Back")
    page.settle()
    assert not page.run("return document.getElementById('large').open;")
    assert page.run("return document.querySelectorAll('.tile').length;") > 5


def test_the_tables_are_drawn(page: Firefox) -> None:
    page.press("v")
    assert page.run("return document.querySelectorAll('.card').length;") > 8
    assert page.run("return document.getElementById('miss-alarm').getBoundingClientRect().height;") > 100
    assert page.run("return document.documentElement.scrollWidth <= window.innerWidth;")


def test_the_threshold_slider_obeys_keys_and_the_triangle_returns(page: Firefox) -> None:
    at_first = results(page)["sums"]
    page.run("document.getElementById('confidence-0').focus();")
    page.press("End")
    assert results(page)["sums"][0]["found"] < at_first[0]["found"]
    page.click("button.mark")
    assert results(page)["sums"] == at_first


def test_a_row_of_misses_allowed_sets_its_threshold_and_shows_its_images(page: Firefox) -> None:
    page.press("v")
    row = 'table[data-table="misses"] tbody tr:has(button[data-kind="missed"])'
    missed, alarms = page.run(f"""
      const [missed, alarms] = [...document.querySelector('{row}').querySelectorAll('td')].slice(1, 3);
      return [missed, alarms].map((cell) => Number.parseInt(cell.textContent, 10));""")
    page.click(f"{row} td:nth-of-type(1) button")
    (sums,) = results(page)["sums"]
    assert (sums["missed"], sums["alarms"]) == (missed, alarms)
    page.click(f'{row} button[data-kind="missed"]')
    assert len(results(page)["chosen"]) == missed > 0
    assert page.run("return document.querySelectorAll('.tile').length;") == missed


def test_the_curve_takes_the_point_nearest_to_the_mouse(page: Firefox) -> None:
    page.press("v")
    left, top, width, height = page.run("""
      const chart = document.getElementById("miss-alarm");
      chart.scrollIntoView({ block: "center" });
      const { left, top, width, height } = chart.getBoundingClientRect();
      return [left, top, width, height];""")
    page.click_at(left + 0.9 * width, top + 0.85 * height)
    many = results(page)["sums"][0]
    page.click_at(left + 0.15 * width, top + 0.1 * height)
    few = results(page)["sums"][0]
    assert many["missed"] < few["missed"]
    assert many["alarms"] >= few["alarms"]


def test_every_cell_of_the_tables_shows_as_many_images_as_have_it(page: Firefox) -> None:
    page.press("v")
    cells = page.run("return [...document.querySelectorAll('[data-cell]')].map((cell) => cell.dataset.cell);")
    assert len(cells) > 10
    for cell in cells[:6]:
        page.click(f'[data-cell="{cell}"]')
        assert page.run("return document.querySelectorAll('.tile').length;") == len(results(page)["chosen"]) > 0
        page.press("v")


def test_two_runs_are_shown_side_by_side(firefox: Firefox, opened: Open, compare_page: Path) -> None:
    address = 'show=["alarm"]&focus=1'
    firefox.open(f"{compare_page.resolve().as_uri()}#{address}")
    firefox.settle()
    assert results(firefox) == opened(compare_page, address).evaluate(f"() => {{ {RESULTS} }}")
    assert firefox.run("return document.querySelectorAll('.tile .pane').length;") == 2 * len(
        results(firefox)["chosen"]
    )
    assert firefox.errors(compare_page.name) == []


def test_the_print_has_the_cover_and_the_images(page: Firefox) -> None:
    page.click('.chip[data-key="defective"]')
    page.run("window.print = () => { window.printed = true; };")
    page.click("#share summary")
    page.click("#print")
    deadline = time.monotonic() + START_SECONDS
    while not page.run("return window.printed;") and time.monotonic() < deadline:
        time.sleep(0.1)
    chosen = len(results(page)["chosen"])
    assert page.run("return document.querySelectorAll('.printed svg image').length;") == chosen > 0
    sheets = len(re.findall(rb"/Type\s*/Page\b(?!s)", unpacked(page.printed())))
    assert 2 <= sheets <= 1 + chosen


def test_a_png_has_the_layers(page: Firefox) -> None:
    page.run("window.defectline.store.change({ show: ['hit'] });")
    page.settle()
    page.click(".tile")
    address = page.run(PNG)
    with PillowImage.open(io.BytesIO(base64.b64decode(address.split(",")[1]))) as image:
        assert image.format == "PNG"
        assert image.width == 600
        colours = {pixel for _, pixel in image.convert("RGB").getcolors(1 << 24) or []}
    assert any(max(pixel) - min(pixel) > 120 for pixel in colours)  # the image itself is grey and pale yellow
    assert any(blue > 180 > red for red, _, blue in colours) or any(
        red > 200 and blue < 40 for red, _, blue in colours
    )


def unpacked(pdf: bytes) -> bytes:
    """A PDF with what its compressed streams contain."""
    parts = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        with contextlib.suppress(zlib.error):
            parts.append(zlib.decompress(stream))
    return b"\n".join(parts)


def test_an_error_would_be_seen(firefox: Firefox, tmp_path: Path) -> None:
    file = tmp_path / "broken-page.html"
    file.write_text("<!doctype html><title>x</title><script>throw new Error('expected by the test')</script>")
    firefox.open(file.resolve().as_uri())
    assert any("expected by the test" in error for error in firefox.errors(file.name))
