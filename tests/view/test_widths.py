"""Nothing runs over an edge or is cut, from a phone to a large screen, in each language."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from datasets.coco import Annotation, Category, Image
from datasets.formats.dataset_folder import write_annotations
from datasets.masks.rle import encode, rle_area, rle_box
from tests.command import run_command
from tests.view.browser import Open, settle
from tests.view.fakes import disc, make_run

WIDTHS = (390, 820, 1280, 2560)

# Elements that reach beyond the window, or whose content is wider or higher than they are. What is in a table that
# scrolls is reached by scrolling; the folder of a file name is shortened on purpose.
FAULTS = r"""() => {
  const width = document.documentElement.clientWidth;
  const drawn = (element) => {
    const { width, height } = element.getBoundingClientRect();
    const closed = element.closest("details:not([open])") && !element.closest("summary");
    const seen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    return width > 2 && height > 2 && !closed && seen;
  };
  const faults = document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
  for (const element of document.querySelectorAll("body *")) {
    if (!drawn(element) || element.closest("svg, .folder, .tile img")) continue;
    const { left, right } = element.getBoundingClientRect();
    const { overflowX, display } = getComputedStyle(element);
    const name = `${element.tagName} #${element.id} .${element.className}: ${element.textContent.slice(0, 40)}`;
    if ((left < -1 || right > width + 1) && !element.closest(".scroll")) faults.push(`beyond the window: ${name}`);
    const excluded = element.matches("select, input, main, aside, textarea");
    if (display === "inline" || overflowX === "visible" || excluded) continue;
    const scrolls = width < 500 && element.matches(".scroll");
    if (element.scrollWidth > element.clientWidth + 1 && !scrolls) faults.push(`too wide: ${name}`);
    if (overflowX !== "auto" && element.scrollHeight > element.clientHeight + 1) faults.push(`too high: ${name}`);
  }
  return [...new Set(faults)];
}"""

# Labels of the overlays that reach beyond their image.
LABELS = """() => [...document.querySelectorAll(".overlay .label")].map((label) => {
  const [inner, outer] = [label.getBoundingClientRect(), label.closest("svg").getBoundingClientRect()];
  const text = label.querySelector("text").textContent;
  const beside = inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
  return [text, beside && inner.bottom <= outer.bottom + 1];
})"""


@pytest.mark.parametrize(
    ("page_name", "locale"), [("seg_page", "en"), ("compare_page", "en"), ("compare_page", "zh-TW")]
)
def test_nothing_is_cut(page_name: str, locale: str, opened: Open, request: pytest.FixtureRequest) -> None:
    page = opened(request.getfixturevalue(page_name), locale=locale)
    faults = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for tab in ("images", "tables"):
            page.evaluate("(tab) => window.defectline.store.change({ tab })", tab)
            settle(page)
            faults[width, tab] = page.evaluate(FAULTS)
    assert {place: found for place, found in faults.items() if found} == {}


def test_the_menu_and_the_large_view_fit_a_phone(opened: Open, compare_page: Path) -> None:
    page = opened(compare_page, viewport={"width": 390, "height": 844})
    page.click("#share summary")
    assert page.locator("#share .menu").is_visible()
    assert page.evaluate(FAULTS) == []
    page.click("#share summary")
    page.locator(".tile").first.click()
    page.locator("#large .large-tools summary").click()
    settle(page)
    assert page.evaluate(FAULTS) == []


def test_figures_without_an_interval_are_in_line_with_the_others(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    page.evaluate("() => window.defectline.store.change({ thresholds: [0.9999] })")
    settle(page)
    tops = page.locator(".figure dt").evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().top)")
    assert page.locator('[data-figure="false"] small').inner_text().strip() == ""
    assert page.locator('[data-figure="missed"] small').inner_text().strip() != ""
    assert len(set(tops)) == 1


def test_a_fault_is_found(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page, viewport={"width": 390, "height": 844})
    page.evaluate("() => { document.querySelector('#numbers').style.width = '600px'; }")
    assert any("beyond the window" in fault for fault in page.evaluate(FAULTS))
    page.evaluate("() => { document.querySelector('.words').style.cssText = 'height: 9px; overflow: hidden'; }")
    assert any("too high" in fault for fault in page.evaluate(FAULTS))


def test_labels_stay_inside_the_image(opened: Open, tmp_path: Path) -> None:
    page: Any = opened(page_of_defects_at_the_edges(tmp_path), viewport={"width": 390, "height": 844})
    for width, locale in ((390, "en"), (1280, "en"), (390, "zh-TW")):
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("(language) => { window.defectline.store.change({ language }); }", locale)
        page.evaluate("() => window.defectline.store.flush()")
        page.reload()
        page.wait_for_selector(".overlay .label")
        settle(page)
        labels = page.evaluate(LABELS)
        assert len(labels) >= 4
        assert {text for text, _ in labels} == {"missed" if locale == "en" else "漏檢"}
        assert [text for text, inside in labels if not inside] == []


def page_of_defects_at_the_edges(root: Path) -> Path:
    """Four images, each with a defect at one of its edges, of which the run finds none."""
    centres = [(8, 80), (192, 80), (100, 8), (100, 152)]
    images, annotations = [], []
    for i, (x, y) in enumerate(centres):
        name = f"{i}.png"
        rle = encode(disc(200, 160, x, y, 7))
        annotations.append(Annotation(i + 1, i + 1, 1, rle_box(rle), rle_area(rle), rle))
        images.append(Image(i + 1, name, 200, 160))
        (root / "edges" / "images").mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(np.full((160, 200, 3), 90, np.uint8)).save(root / "edges" / "images" / name)
    write_annotations(root / "edges", {"test": images}, annotations, [Category(1, "chip")])
    run = make_run(root / "runs", root / "edges", keep=0, seed=5)
    assert run_command("view", run, "--out", root / "view.html") == 0
    return root / "view.html"
