"""The page in a browser: filters, keys, address, layout, and what a page may load."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from datasets.formats.dataset_folder import load_dataset
from evaluate.label_errors import LabelErrors
from evaluate.label_suspects import Suspect, SuspectKind
from evaluate.metrics import read_metrics
from system.json_file import write_json
from tests.command import run_command
from tests.view.browser import Open, figures, set_confidence, settle, shown
from tests.view.fakes import make_dataset, make_run
from view.data import page_data
from view.page import page_text
from view.scene import run_scene


def test_filters_show_the_images_that_they_name(opened: Open, seg_page: Path, seg_run: Path) -> None:
    metrics = read_metrics(seg_run / "metrics.json")
    page = opened(seg_page)
    page.click('.figure[data-figure="missed"] button')
    settle(page)
    assert shown(page) == sorted(metrics.images.missed_names)
    page.click('.chip[data-key="missed"]')
    page.click('.chip[data-key="alarm"]')
    settle(page)
    assert shown(page) == sorted(metrics.images.false_alarm_names)
    page.click("#clear")
    page.fill("#search", "kind_1 BROKEN_small")
    settle(page)
    assert shown(page)
    assert all("kind_1" in name for name in shown(page))


def test_suspected_labels_are_a_filter_with_reasons_in_the_large_view(
    opened: Open, dataset: Path, tmp_path: Path
) -> None:
    run = make_run(tmp_path, dataset, "seg", seed=3)
    image = load_dataset(dataset).images("test")[1].file_name
    reasons = ["first reason", "second reason"]
    suspects = [Suspect(kind=SuspectKind.not_met, image=image, suspicion=0.5, reason=r) for r in reasons]
    metrics = read_metrics(run / "metrics.json")
    write_json(run / "metrics.json", replace(metrics, label_errors=LabelErrors(2, 1, suspects)))
    assert run_command("view", run) == 0
    page = opened(run / "view.html")
    page.click('.chip[data-key="suspect"]')
    settle(page)
    assert shown(page) == [image]
    page.locator(f'.tile[data-name="{image}"]').click()
    settle(page)
    assert page.locator("#large .suspects li").all_inner_texts() == reasons
    page.keyboard.press("Escape")
    page.click("#clear")
    settle(page)
    other = next(name for name in shown(page) if name != image)
    page.locator(f'.tile[data-name="{other}"]').click()
    settle(page)
    assert page.locator("#large .suspects").count() == 0
    assert "false" not in page.locator("#large .side-words").inner_text().split()


def test_state_is_kept_in_the_address(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    set_confidence(page, 0.35)
    page.click('.chip[data-key="defective"]')
    page.select_option("#sort", "overlap")
    page.click('[data-layer="truth-outlines"]')
    page.wait_for_function("() => location.hash.includes('layers=')")
    address = page.evaluate("() => location.hash.slice(1)")
    again = opened(seg_page, address)
    assert figures(again) == figures(page)
    assert shown(again) == shown(page)
    assert again.locator("#sort").input_value() == "overlap"
    assert not again.locator('[data-layer="truth-outlines"]').is_checked()
    assert again.locator(".truth .outline").first.is_hidden()


def test_keyboard(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    names = page.evaluate("() => window.defectline.results().chosen.map((image) => image.name)")
    first = next(i for i, name in enumerate(names) if "kind_0" not in name)
    page.locator(f'.tile[data-name="{names[first]}"]').click()
    settle(page)
    heading = page.locator("#large h2")
    assert heading.inner_text() == names[first]
    page.keyboard.press("ArrowRight")
    settle(page)
    assert heading.inner_text() == names[first + 1]
    page.keyboard.press("ArrowLeft")
    settle(page)
    page.keyboard.press("1")
    settle(page)
    assert page.locator(".zoom").inner_text() == "100 %"
    assert "scale(1)" in page.locator(".stage > g").get_attribute("transform")
    outlines = page.locator(".stage .truth path.line")
    assert outlines.first.is_visible()
    page.keyboard.press("t")
    settle(page)
    assert not outlines.first.is_visible()
    page.keyboard.press("t")
    page.keyboard.press("Escape")
    settle(page)
    assert not page.locator("#large").is_visible()
    page.keyboard.press("?")
    settle(page)
    assert page.locator("#help").is_visible()
    page.keyboard.press("?")
    settle(page)
    assert not page.locator("#help").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("000.png")
    settle(page)
    assert len(shown(page)) == 1


def test_overlays_are_where_the_dataset_has_them(opened: Open, seg_page: Path, dataset: Path) -> None:
    coco = load_dataset(dataset).split("test")
    page = opened(seg_page)
    settle(page)
    for image in [i for i in coco.images if coco.by_image()[i.id]][:3]:
        drawn = page.evaluate(
            """(name) => [...document.querySelectorAll(`.tile[data-name="${name}"] .truth`)].map((g) => {
              const box = g.querySelector("rect.line"), path = g.querySelector("path.line").getBBox();
              return [...["x", "y", "width", "height"].map((k) => Number(box.getAttribute(k))),
                path.x, path.y, path.width, path.height];
            })""",
            image.file_name,
        )
        assert drawn == [[*a.bbox, *a.bbox] for a in coco.by_image()[image.id]]


def test_crops_in_a_folder_are_loaded_when_they_become_visible(
    opened: Open, seg_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("view.page.MAX_EMBEDDED_IMAGES", 10)
    file = tmp_path / "many #1 ü.html"
    assert run_command("view", seg_run, "--out", file) == 0
    page = opened(file)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.tile img')].every((one) => one.naturalWidth === 200)"
    )
    page.locator(".tile").nth(1).click()
    settle(page)
    assert page.locator(".stage image").get_attribute("href").startswith("many%20%231%20%C3%BC_files/")


def test_of_thousands_of_images_only_the_rows_in_sight_exist(
    opened: Open, seg_page: Path, seg_run: Path, tmp_path: Path
) -> None:
    data = page_data(run_scene([seg_run], "test"))
    images = [
        replace(image, name=f"{k:03d}/{image.name}", crops=[(0, 0, 200, 160, "data:,")])
        for k in range(200)
        for image in data.images
    ]
    file = tmp_path / "thousands.html"
    file.write_text(page_text(replace(data, images=images)))
    page = opened(file)
    assert page.locator("#count").inner_text() == "3,600 images"
    assert 4 <= page.locator(".tile").count() < 60
    last = images[-1].name
    assert not page.locator(f'.tile[data-name="{last}"]').count()
    page.evaluate("() => { document.getElementById('main').scrollTop = 1e9; }")
    page.wait_for_selector(f'.tile[data-name="{last}"]')
    assert page.locator(".tile").count() < 60
    once = [int(figures(opened(seg_page))[name]) for name in ("Right", "False", "Not found", "Missed")]
    assert [int(figures(page)[name]) for name in ("Right", "False", "Not found", "Missed")] == [
        200 * n for n in once
    ]


def test_names_cannot_run_script(opened: Open, tmp_path: Path) -> None:
    evil = "</script><script>window.stolen=1</script>"
    types = [f"a{evil}", "<img src=x onerror=window.stolen=1>", "b&amp;\u2028"]
    names = [f"{i}<b onclick=x>&'\".png" for i in range(9)]
    root = make_dataset(tmp_path / "<i>evil", images=9, names=names, types=types)
    run = make_run(tmp_path / "runs", root, "seg")
    assert run_command("view", run) == 0
    page = opened(run / "view.html", "tab=tables")
    assert page.evaluate("() => window.stolen") is None
    own = page.locator("script[type='application/json']").count() + 1  # words and data, and the page's script
    assert own == 3
    assert page.locator("script").count() == own + page.locator("script[type='text/plain']").count()
    assert types[0] in page.locator(".chip .text").all_inner_texts()
    opened_image = opened(
        run / "view.html", "image=" + json.dumps(names[1])[1:-1].replace('\\"', '"').replace("&", "%26")
    )
    assert opened_image.locator("#large h2").inner_text() == names[1]
    assert opened_image.locator("b[onclick], img[src='x']").count() == 0


def test_the_page_may_load_nothing(browser: Any, seg_page: Path) -> None:
    page = browser.new_page()
    page.goto(seg_page.resolve().as_uri())
    blocked = page.evaluate(
        """() => new Promise((done) => {
          const seen = [];
          document.addEventListener("securitypolicyviolation", (event) => {
            seen.push(event.effectiveDirective);
            if (seen.length === 2) done(seen.sort());
          });
          const image = new Image();
          image.src = "https://example.invalid/a.png";
          fetch("https://example.invalid/").catch(() => {});
        })"""
    )
    page.close()
    assert blocked == ["connect-src", "img-src"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(scheme: str, width: int, opened: Open, compare_page: Path) -> None:
    page = opened(compare_page, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    paper = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (sum(int(v) for v in paper[4:-1].split(",")) > 384) == (scheme == "light")
    if width < 400:
        assert not page.locator("#side").is_visible()
        page.click(".side-button")
        settle(page)
        assert page.locator("#confidence-0").is_visible()


def test_every_column_of_the_measured_tables_is_visible(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page, "tab=tables")
    hidden = page.evaluate(
        """() => [...document.querySelectorAll(".measured .scroll")]
          .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"""
    )
    assert page.locator(".measured .scroll").count() >= 5
    assert hidden == []


def test_the_large_view_shows_both_images_completely_on_a_phone(
    opened: Open, compare_page: Path, dataset: Path
) -> None:
    (first, *_) = sorted(image.file_name for image in load_dataset(dataset).split("test").images)
    page = opened(compare_page, f"image={first}", viewport={"width": 390, "height": 844})
    settle(page)
    stages = page.locator(".stage").all()
    assert len(stages) == 2
    for stage in stages:
        inside, outside = stage.locator("image").first.bounding_box(), stage.bounding_box()
        assert inside["y"] >= outside["y"] - 1
        assert inside["y"] + inside["height"] <= outside["y"] + outside["height"] + 1
