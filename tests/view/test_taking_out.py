"""Take a finding out of the page: an image as PNG, a small page, notes that are kept and loaded again."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from tests.command import run_command
from tests.view.browser import Open, figures, set_confidence, settle, shown

SKELETON = re.compile(r"<(?:/?)(?:body|header|nav|aside|main|section|dialog|div|a|h1|p|noscript)\b[^>]*>")


def downloaded(page: Any, button: str, *, menu: bool = True) -> bytes:
    if menu:
        page.click("#share summary")
    with page.expect_download() as waiting:
        page.click(button)
    return Path(waiting.value.path()).read_bytes()


def body(text: str) -> list[str]:
    """The tags of a page before its first script element."""
    start = text.index("<body")
    return SKELETON.findall(text[start : text.index("<script", start)])


@pytest.fixture
def defect(opened: Open, seg_page: Path) -> tuple[Any, dict[str, Any]]:
    """The page with the large view of an image with a right prediction, and that image."""
    page = opened(seg_page)
    found: dict[str, Any] = page.evaluate(
        """() => { const { judged } = window.defectline.results(); const { chosen } = window.defectline.results();
          const one = chosen.find((image) => judged[0][image.index].right > 0);
          const truth = one.truths[judged[0][one.index].matched.find((t) => t >= 0)];
          return { name: one.name, box: truth.box }; }"""
    )
    page.click(f'.tile[data-name="{found["name"]}"]')
    settle(page)
    return page, found


def png(page: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with page.expect_download() as waiting:
        page.keyboard.press("s")
    assert waiting.value.suggested_filename.endswith(".png")
    with PillowImage.open(io.BytesIO(Path(waiting.value.path()).read_bytes())) as image:
        return np.asarray(image.convert("RGB"))


def test_a_png_has_the_image_and_the_layers_as_shown(defect: tuple[Any, dict[str, Any]], dataset: Path) -> None:
    page, found = defect
    with_layers = png(page)
    height, width = 3 * 160, 3 * 200  # 200 x 160 pixels, enlarged by a whole factor to at least 480
    assert with_layers.shape[1] == width
    assert with_layers.shape[0] > height
    for group in ("truth", "prediction"):
        page.click(f'#large [data-group="{group}"]')
    settle(page)
    plain = png(page)
    with PillowImage.open(dataset / "images" / found["name"]) as source:
        expected = np.asarray(source.convert("RGB").resize((width, height), PillowImage.Resampling.NEAREST))
    assert np.abs(plain[:height].astype(int) - expected).mean() < 2  # the page has WebP data
    changed = np.abs(with_layers[:height].astype(int) - plain[:height]).sum(axis=2) > 60
    x, y, w, h = (round(3 * v) for v in found["box"])
    around = changed[y - 9 : y + h + 9, x - 9 : x + w + 9]
    assert around.any()
    far = np.ones_like(changed)
    far[y - 60 : y + h + 60, max(0, x - 60) : x + w + 400] = False
    assert changed.sum() > around.sum() > 0.02 * around.size
    assert (plain[height:] < 128).any()  # the words below the image


def test_a_small_page_has_only_the_selection(
    defect: tuple[Any, dict[str, Any]], opened: Open, seg_page: Path, tmp_path: Path
) -> None:
    page, found = defect
    page.fill("#image-note", "scratch </script><b>at the rim")
    page.click("#large .close")
    page.click('.chip[data-key="defective"]')
    set_confidence(page, 0.4)
    names, numbers = shown(page), figures(page)
    file = tmp_path / "selection.html"
    file.write_bytes(downloaded(page, "#save-page"))
    text, original = file.read_text(encoding="utf-8"), seg_page.read_text(encoding="utf-8")
    assert body(text.replace('=""', "")) == body(original)
    assert len(text) < len(original)
    assert str(seg_page.parent.parent) not in text
    small = opened(file)
    settle(small)
    assert shown(small) == names
    assert small.evaluate("() => window.defectline.state.thresholds") == [0.4]
    assert f"{len(names)} of 18 images" in small.locator("#subtitle").inner_text()
    for key in ("Right", "Not found", "Missed"):
        assert figures(small)[key] == numbers[key]
    assert small.evaluate(
        "() => [...document.querySelectorAll('.tile img')].every((one) => one.naturalWidth === 200)"
    )
    assert small.evaluate("() => window.defectline.state.notes") == {
        found["name"]: "scratch </script><b>at the rim"
    }
    small.click(f'.tile[data-name="{found["name"]}"]')
    settle(small)
    assert small.locator("#large .actions button").all_inner_texts() == ["Save as PNG"]
    assert small.locator("#large .stage image").count() == 1


def test_notes_are_in_the_address_and_in_a_file(
    defect: tuple[Any, dict[str, Any]], opened: Open, seg_page: Path, tmp_path: Path
) -> None:
    page, found = defect
    page.click("#image-note")
    page.keyboard.type("check t again")
    settle(page)
    assert page.input_value("#image-note") == "check t again"
    page.wait_for_function("() => location.hash.includes('notes=')")
    page.click("#large .close")
    settle(page)
    assert page.locator(f'.tile[data-name="{found["name"]}"] .noted').is_visible()
    assert page.locator('.chip[data-key="noted"] .number').inner_text() == "1"
    page.click('.chip[data-key="noted"]')
    settle(page)
    assert shown(page) == [found["name"]]
    again = opened(seg_page, page.url.split("#")[1])
    assert again.evaluate("() => window.defectline.state.notes") == {found["name"]: "check t again"}
    saved = downloaded(page, "#save-notes")
    assert json.loads(saved) == {"notes": {found["name"]: "check t again"}}
    file = tmp_path / "notes.json"
    file.write_text(json.dumps({"notes": {found["name"]: "from Ben", "gone.png": "old"}}))
    again.click("#share summary")
    again.set_input_files("#share input[type=file]", file)
    again.wait_for_function("() => document.getElementById('note').classList.contains('shown')")
    assert again.locator("#note").inner_text() == "1 note loaded. 1 note is on an image that is not in this page."
    assert again.evaluate("() => window.defectline.state.notes") == {found["name"]: "check t again\nfrom Ben"}


def test_long_notes_are_not_in_the_address_and_stay_when_it_changes(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    page.evaluate("() => window.defectline.store.change({ notes: { 'a.png': 'x'.repeat(1600) } })")
    page.wait_for_timeout(250)
    assert "notes" not in page.url
    page.evaluate("() => { location.hash = '#tile=300'; }")
    page.wait_for_function("() => window.defectline.state.tile === 300")
    assert page.evaluate("() => window.defectline.state.notes['a.png'].length") == 1600


def test_notes_of_two_people_are_joined(javascript: Callable[..., Any]) -> None:
    own, read = {"a.png": "x", "b.png": "y"}, {"a.png": "x", "b.png": "z", "c.png": "new", "d.png": "elsewhere"}
    joined = javascript(
        "notes", "mergeNotes(argument0, argument1, new Set(argument2))", own, read, ["a.png", "b.png", "c.png"]
    )
    assert joined == {"notes": {"a.png": "x", "b.png": "y\nz", "c.png": "new"}, "known": 3, "unknown": 1}
    twice = javascript(
        "notes", "mergeNotes(argument0, argument1, new Set(argument2))", joined["notes"], read, ["b.png"]
    )
    assert twice["notes"]["b.png"] == "y\nz"
    for other in ("[]", "{", '{"notes": 1}', '{"notes": {"a": 2}}', '{"notes": []}'):
        assert javascript("notes", "readNotes(argument0)", other) is None


@pytest.mark.parametrize("address", ["notes=[1]", "notes=null", 'notes={"a":1}', "notes=x", "hidden={}"])
def test_a_damaged_address_gives_no_notes(opened: Open, seg_page: Path, address: str) -> None:
    page = opened(seg_page, address)
    assert page.evaluate("() => [window.defectline.state.notes, window.defectline.state.hidden]") == [{}, []]


def test_a_page_with_files_refuses_with_a_way_forward(
    opened: Open, seg_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("view.page.MAX_EMBEDDED_IMAGES", 10)
    assert run_command("view", seg_run, "--out", tmp_path / "many.html") == 0
    page = opened(tmp_path / "many.html")
    page.click("#share summary")
    page.click("#save-page")
    page.wait_for_function("() => document.getElementById('note').textContent.includes('--only')")
    page.locator(".tile").first.click()
    settle(page)
    page.keyboard.press("s")
    page.wait_for_function("() => document.getElementById('note').textContent.includes('--png')")


def test_a_page_of_listed_images(
    opened: Open, seg_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("test/kind_1/004.png\n\ntest/kind_0/000.png\n")
    assert run_command("view", seg_run, "--only", names, "--out", tmp_path / "part.html") == 0
    page = opened(tmp_path / "part.html")
    assert shown(page) == ["test/kind_0/000.png", "test/kind_1/004.png"]
    assert "2 of 18 images" in page.locator("#subtitle").inner_text()
    for content, problem in (("a.png\n", "line 1: a.png is not one of the 18 images"), ("\n", "no file name")):
        names.write_text(content)
        capsys.readouterr()
        assert run_command("view", seg_run, "--only", names, "--out", tmp_path / "none.html") == 2
        assert problem in capsys.readouterr().err
    assert run_command("view", seg_run, "--only", tmp_path, "--out", tmp_path / "none.html") == 2
    assert not (tmp_path / "none.html").exists()
