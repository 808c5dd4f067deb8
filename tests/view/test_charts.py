"""Charts: what a click chooses, the curve over the confidence, the histogram, predictions below the threshold."""

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.confusion import instance_counts
from evaluate.run_folder import load_run
from evaluate.truth import run_truth
from tests.view.browser import Open, figures, set_confidence, settle

CURVE = """(() => {
  const data = prepare(argument0);
  const points = confidenceCurve(data, 0, 0.5, "boxes");
  return [points, bestPoint(points)];
})()"""


def test_the_curve_over_the_confidence_is_that_of_evaluate(
    opened: Open, javascript: Callable[..., Any], seg_page: Path, seg_run: Path, dataset: Path
) -> None:
    truth = run_truth(load_run(seg_run), load_dataset(dataset))["test"]
    predictions = read_predictions(seg_run / "predictions" / "test.json")
    data = opened(seg_page).evaluate("() => JSON.parse(document.getElementById('data').textContent)")
    points, best = javascript("prepare confidence_curve", CURVE, data)
    assert [p["threshold"] for p in points] == sorted({p.score for p in predictions})
    for point in points:
        counts = instance_counts(truth, [p for p in predictions if p.score >= point["threshold"]])
        assert point["precision"] == pytest.approx(counts.precision)
        assert point["recall"] == pytest.approx(counts.recall)
    assert best["f1"] == max(p["f1"] for p in points)


def test_what_a_point_of_the_curve_states_is_what_its_threshold_gives(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page, "tab=tables&thresholds=[0.01]")
    chart = page.locator("#miss-alarm")
    chart.focus()
    stated = set()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
        settle(page)
        words = chart.get_attribute("aria-valuetext")
        if words in stated:
            break
        stated.add(words)
        threshold, missed, alarms = re.findall(r"[\d.]+\d|\d", words)
        assert (figures(page)["Missed"], figures(page)["False alarms"]) == (missed, alarms)
        everything = figures(page)
        set_confidence(page, 0.999)
        set_confidence(page, threshold)
        assert figures(page) == everything
        chart.focus()
    assert len(stated) >= 5


@pytest.mark.parametrize("name", ["miss-alarm", "score-histogram", "confidence-chart"])
def test_a_click_in_a_chart_sets_the_threshold_that_it_states(name: str, opened: Open, compare_page: Path) -> None:
    page = opened(compare_page, "tab=tables&focus=1")
    chart = page.locator(f"#{name}")
    box = chart.bounding_box()
    chosen = set()
    for x, y in ((0.3, 0.3), (0.5, 0.6), (0.8, 0.4)):
        position = {"x": x * box["width"], "y": y * box["height"]}
        chart.hover(position=position)
        stated = re.findall(r"[\d.]+\d|\d", chart.locator("> title").text_content())[0]
        chart.click(position=position)
        settle(page)
        thresholds = page.evaluate("() => window.defectline.state.thresholds")
        assert float(stated) in thresholds
        chosen.add(tuple(thresholds))
    assert len(chosen) >= 2


def test_each_run_is_picked_at_its_nearest_point(javascript: Callable[..., Any]) -> None:
    chance = random.Random(2)
    picks = [{"x": chance.random(), "y": chance.random(), "run": k % 2} for k in range(40)]
    for _ in range(20):
        x, y = chance.random(), chance.random()
        nearest = min(picks, key=lambda p: (p["x"] - x) ** 2 + (p["y"] - y) ** 2)
        assert javascript("pick", "nearestPick(argument0, argument1, argument2)", picks, x, y) == nearest


def test_the_corner_shows_few_of_both(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page, "tab=tables")
    page.click("#corner")
    settle(page)
    labels = [float(one) for one in page.locator("#miss-alarm text:not(.axis)").all_text_contents()]
    assert max(labels) <= 3
    assert "corner=true" in page.evaluate("() => { window.defectline.store.flush(); return location.hash; }")


def test_the_histogram_counts_every_image_once(javascript: Callable[..., Any]) -> None:
    scores = [0, 0, 0.04, 0.05, 0.999, 1, 0.5]
    bins = javascript("confidence_chart", "binned(argument0)", scores)
    assert sum(bins) == 5
    assert (bins[0], bins[1], bins[10], bins[19]) == (1, 1, 1, 2)


def test_predictions_below_the_threshold_are_drawn_on_request(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page, "thresholds=[0.999]")
    settle(page)
    assert page.locator(".overlay .ghost").count() == 0
    before = figures(page)
    page.click("#ghosts")
    settle(page)
    tiles = page.evaluate("() => [...document.querySelectorAll('.tile')].map((tile) => tile.dataset.name)")
    images = page.evaluate(
        "() => window.defectline.results().chosen.map((i) => [i.name, i.runs[0].predictions.length])"
    )
    visible = sum(min(5, number) for name, number in images if name in tiles)
    page.wait_for_function("(n) => document.querySelectorAll('.tile .ghost').length === n", arg=visible)
    assert visible > 0
    assert figures(page) == before
