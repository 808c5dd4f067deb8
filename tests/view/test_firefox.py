"""The page in Firefox: the same numbers as in Chromium, keys, large view, PNG, and no error."""

import base64
import io
import shutil
import time
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


def test_an_error_would_be_seen(firefox: Firefox, tmp_path: Path) -> None:
    file = tmp_path / "broken-page.html"
    file.write_text("<!doctype html><title>x</title><script>throw new Error('expected by the test')</script>")
    firefox.open(file.resolve().as_uri())
    assert any("expected by the test" in error for error in firefox.errors(file.name))
