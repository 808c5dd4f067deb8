"""The tools of the large view: thresholds, layers, legend, and the image alone while a button or key is held."""

from pathlib import Path
from typing import Any

import pytest

from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from tests.view.browser import Open, settle

DOWN = "(kind) => document.querySelector('.raw-button').dispatchEvent(new PointerEvent(kind, argument))"


def opened_first(opened: Open, page_file: Path, dataset: Path, **options: Any) -> tuple[Any, str]:
    """The page with the large view of the first image with a prediction, and its name."""
    coco = load_dataset(dataset).split("test")
    predicted = {p.image_id for p in read_predictions(page_file.parent / "predictions" / "test.json", coco.images)}
    name = next(image.file_name for image in coco.images if image.id in predicted)
    return opened(page_file, f"image={name}", **options), name


def drawn(page: Any, selector: str) -> int:
    """How many elements of the large view that match are visible."""
    settle(page)
    return page.locator(f"#large .stage {selector} >> visible=true").count()


def test_the_threshold_is_that_of_the_page(opened: Open, seg_page: Path, dataset: Path) -> None:
    page, name = opened_first(opened, seg_page, dataset)
    coco = load_dataset(dataset).split("test")
    (number,) = [image.id for image in coco.images if image.file_name == name]
    scores = [
        p.score for p in read_predictions(seg_page.parent / "predictions" / "test.json") if p.image_id == number
    ]
    for threshold in (0.2, max(scores), 1.0):
        page.fill("#large-confidence-0-exact", str(threshold))
        page.keyboard.press("Tab")
        settle(page)
        assert page.locator("#large .stage .prediction").count() == sum(score >= threshold for score in scores)
    page.click("#large .close")
    settle(page)
    assert float(page.input_value("#confidence-0-exact")) == 1


def test_layers_are_switched_in_groups(opened: Open, seg_page: Path, dataset: Path) -> None:
    page, _ = opened_first(opened, seg_page, dataset)
    before = drawn(page, ".prediction path.line")
    assert before
    page.click('#large [data-group="prediction"]')
    assert drawn(page, ".prediction path.line") == 0
    assert page.get_attribute('#large [data-group="prediction"]', "aria-pressed") == "false"
    page.click('#large [data-group="prediction"]')
    assert drawn(page, ".prediction path.line") == before
    page.click('#large [data-group="layer.outline"]')
    assert drawn(page, "path.line") == 0


def test_holding_the_button_or_the_key_shows_the_image_alone(opened: Open, seg_page: Path, dataset: Path) -> None:
    page, _ = opened_first(opened, seg_page, dataset)
    assert drawn(page, ".overlay path")
    page.hover(".raw-button")
    page.mouse.down()
    assert drawn(page, ".overlay path") == 0
    assert drawn(page, "image")
    page.mouse.up()
    assert drawn(page, ".overlay path")
    page.keyboard.down("h")
    assert drawn(page, ".overlay path") == 0
    page.keyboard.up("h")
    assert drawn(page, ".overlay path")
    page.mouse.down()
    page.mouse.move(5, 400)  # leaving the button ends it, too
    assert drawn(page, ".overlay path")
    page.mouse.up()


@pytest.mark.parametrize("end", ["pointerup", "pointercancel"])
def test_a_finger_holds_it_on_a_phone(opened: Open, seg_page: Path, dataset: Path, end: str) -> None:
    phone = {"width": 390, "height": 800}
    page, _ = opened_first(opened, seg_page, dataset, viewport=phone, has_touch=True)
    finger = DOWN.replace("argument", "{ pointerType: 'touch', pointerId: 3, bubbles: true }")
    page.evaluate(finger, "pointerdown")
    assert drawn(page, ".overlay path") == 0
    page.evaluate(finger, end)
    assert drawn(page, ".overlay path")
    assert not page.locator("#large .large-tools").evaluate("(tools) => tools.open")
    page.touchscreen.tap(*middle(page, "#large .large-tools summary"))
    assert page.locator("#large .large-tools .legend li").first.is_visible()
    box = page.locator("#large-confidence-0").bounding_box()
    page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    settle(page)
    assert float(page.input_value("#large-confidence-0")) == pytest.approx(0.9, abs=0.05)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= phone["width"]


def middle(page: Any, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_no_id_is_used_twice(opened: Open, seg_page: Path, dataset: Path) -> None:
    page, _ = opened_first(opened, seg_page, dataset)
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
