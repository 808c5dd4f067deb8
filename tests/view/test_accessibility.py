"""The page has no serious finding of axe-core, in both colour schemes."""

from pathlib import Path

import pytest

from tests.command import run_command
from tests.view.browser import Open, settle
from tests.view.test_type_page import classifier_run

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """async () => (await axe.run()).violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact))
  .map(({ id, nodes }) => [id, nodes.map((node) => node.target.join(" ")).slice(0, 3)])"""


@pytest.mark.parametrize(("scheme", "tab"), [("light", "images"), ("dark", "tables")])
def test_axe_finds_nothing_serious(scheme: str, tab: str, opened: Open, compare_page: Path) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make lint installs it), so accessibility is not tested")
    page = opened(compare_page, f"tab={tab}", color_scheme=scheme)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    settle(page)
    assert page.evaluate(FINDINGS) == []


def test_axe_finds_nothing_serious_in_the_tables_of_a_classifier(
    opened: Open, dataset: Path, tmp_path: Path
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make lint installs it), so accessibility is not tested")
    out = tmp_path / "view.html"
    assert run_command("view", classifier_run(tmp_path / "runs", dataset), "--out", out) == 0
    page = opened(out, "tab=tables")
    page.wait_for_selector("circle.bin")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(FINDINGS) == []
    page.locator("circle.bin").first.focus()
    page.keyboard.press("Space")
    settle(page)
    assert page.evaluate("() => window.defectline.store.state.tab") == "images"


def test_the_first_key_skips_to_the_images(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"
