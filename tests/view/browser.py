"""Read and operate the page in a browser."""

from collections.abc import Callable
from typing import Any

Open = Callable[..., Any]


NAMES = {"missed": "Missed", "alarm": "False alarms", "unfound": "Not found", "false": "False", "recall": "Right"}
RATES = {"precision": "Precision", "recall": "Recall"}


def figures(page: Any, run: int = 0) -> dict[str, str]:
    """Name -> value of the numbers at the top; `Right` is the number of defects that are found."""
    found = page.locator(f'.figures[data-run="{run}"] .figure[data-figure]').all()
    counts = {one.get_attribute("data-figure"): one.get_attribute("data-count") for one in found}
    shown_counts = {one.get_attribute("data-figure"): one.locator("b").inner_text() for one in found}
    assert all(
        counts[key] == shown_counts[key] for key in ("missed", "alarm", "unfound", "false") if key in counts
    )
    rates = {RATES[key]: value for key, value in shown_counts.items() if key in RATES}
    return {NAMES.get(key, key): value for key, value in counts.items()} | rates


def set_confidence(page: Any, value: float | str, run: int = 0) -> None:
    page.fill(f"#confidence-{run}-exact", str(value))
    page.keyboard.press("Tab")
    settle(page)


def settle(page: Any) -> None:
    """Wait until what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_function("() => !document.querySelector('.pane svg:empty, [aria-busy]')")


def shown(page: Any) -> list[str]:
    return sorted(page.evaluate("() => window.defectline.results().chosen.map((image) => image.name)"))
