"""The table of allowances equals a search over all thresholds, and its intervals are those of SciPy."""

import random
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import beta

from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.bootstrap import binomial_interval
from evaluate.run_folder import load_run
from evaluate.truth import run_truth
from tests.command import run_command
from tests.view.browser import Open, figures, settle, shown
from tests.view.fakes import make_run

Images = list[tuple[bool, list[float]]]


def outcome(images: Images, threshold: float) -> tuple[int, int]:
    """Misses and false alarms at a threshold, counted one image at a time."""
    found = [(good, any(score >= threshold for score in scores)) for good, scores in images]
    return found.count((False, False)), found.count((True, True))


def cheapest(images: Images, allowed: int, *, misses: bool) -> tuple[int, int] | None:
    """The best outcome that keeps an allowance, tried at each score and above all of them; None if none does."""
    thresholds = {score for _, scores in images for score in scores} | {1.0}
    kept = [pair for pair in (outcome(images, t) for t in thresholds) if pair[0 if misses else 1] <= allowed]
    return min(kept, key=(lambda pair: pair[::-1]) if misses else None) if kept else None


def check_rows(images: Images, rows: list[dict[str, Any]], *, misses: bool) -> None:
    whole = sum(good is not misses for good, _ in images)
    assert [row["allowed"] for row in rows] == [n for n in (0, 1, 2, 3, 5, 10, 20, 50) if n < whole]
    for row in rows:
        best = cheapest(images, row["allowed"], misses=misses)
        assert (row["threshold"] is None) == (best is None)
        if best is None:
            continue
        kept, cost = (row["missed"], row["alarms"]) if misses else (row["alarms"], row["missed"])
        assert kept <= row["allowed"]
        assert cost == best[1 if misses else 0]
        assert outcome(images, float(row["threshold"])) == (row["missed"], row["alarms"])


@pytest.mark.parametrize("seed", range(12))
def test_allowances_equal_a_search_over_all_thresholds(seed: int, javascript: Callable[..., Any]) -> None:
    chance = random.Random(seed)
    digits = (1, 2, 5, 16)[seed % 4]  # few digits make many equal scores
    images = [
        (chance.random() < 0.4, [round(chance.random(), digits) for _ in range(chance.choice((0, 1, 1, 3)))])
        for _ in range(chance.randint(1, 60))
    ]
    images = [(good, sorted((s for s in scores if s > 0), reverse=True)) for good, scores in images]
    data = {
        "models": [{}],
        "images": [
            {"good": good, "truths": [], "runs": [{"predictions": [{"score": s} for s in scores]}]}
            for good, scores in images
        ],
    }
    both = "[missesAllowed, alarmsAllowed].map((f) => f(argument0, 0, imageScores(argument0, 0)))"
    of_misses, of_alarms = javascript("allowed", both, data)
    check_rows(images, of_misses, misses=True)
    check_rows(images, of_alarms, misses=False)


def test_the_table_in_the_page(opened: Open, dataset: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs", dataset, "det", seed=5, keep=0.5)
    truth = run_truth(load_run(run), load_dataset(dataset))["test"]
    by_image = {
        number: [p.score for p in of_image]
        for number, of_image in groupby(
            sorted(read_predictions(run / "predictions" / "test.json"), key=lambda p: p.image_id),
            key=lambda p: p.image_id,
        )
    }
    bad = {a.image_id for a in truth.annotations}
    images = [(i.id not in bad, by_image.get(i.id, [])) for i in truth.images]
    silent = sum(not good and not scores for good, scores in images)
    assert silent
    assert run_command("view", run) == 0
    page = opened(run / "view.html", "tab=tables")
    for key, misses in (("misses", True), ("alarms", False)):
        for row in page.locator(f'[data-table="{key}"] tbody tr').all():
            allowed = int(row.locator("th").inner_text())
            best = cheapest(images, allowed, misses=misses)
            if best is None:
                some = "1 image has" if silent == 1 else f"{silent} images have"
                assert row.locator("td").inner_text() == f"unreachable: {some} no prediction at all"
                continue
            threshold, *counts = [cell.inner_text() for cell in row.locator("td").all()]
            missed, alarms = outcome(images, float(threshold))
            assert (alarms if misses else missed) == best[1 if misses else 0]
            for number, whole, words in zip(
                (missed, alarms), (len(bad), len(images) - len(bad)), counts, strict=True
            ):
                low, high = binomial_interval(number, whole) or (0, 0)
                shown_number, shown_whole, shown_low, shown_high = (
                    float(word)
                    for word in words.replace(",", " ").replace("of", " ").replace("to", " ").split()[:4]
                )
                assert (shown_number, shown_whole) == (number, whole)
                assert 0 <= 100 * low - shown_low <= 1
                assert 0 <= shown_high - 100 * high <= 1
    row = page.locator('[data-table="alarms"] tbody tr').first
    threshold = row.locator("td").first.inner_text()
    row.locator("td button").first.click()
    settle(page)
    assert page.evaluate("() => window.defectline.state.thresholds") == [float(threshold)]
    assert (figures(page)["Missed"], figures(page)["False alarms"]) == tuple(
        map(str, outcome(images, float(threshold)))
    )
    page.locator('[data-table="alarms"] tbody tr').first.locator('[data-kind="missed"]').click()
    settle(page)
    assert shown(page) == sorted(
        i.file_name for i, (good, scores) in zip(truth.images, images, strict=True)
        if not good and not any(s >= float(threshold) for s in scores)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("events", "trials"), [(0, 15), (15, 15), (1, 1), (0, 1), (3, 46), (7, 13), (999, 20_000), (19_999, 20_000)]
)
def test_intervals_are_those_of_scipy(events: int, trials: int, javascript: Callable[..., Any]) -> None:
    expected = binomial_interval(events, trials)
    assert javascript("interval", f"binomialInterval({events}, {trials})") == pytest.approx(expected, abs=1e-9)
    assert javascript("interval", "binomialInterval(0, 0)") is None


def test_a_shown_threshold_counts_the_same_predictions(javascript: Callable[..., Any]) -> None:
    chance = random.Random(1)
    scores = sorted({round(chance.random(), 6) for _ in range(4000)} | {0.3756789, 0.3756781})
    below = [-1.0, *scores[:-1]]
    texts = javascript("shown_threshold", "argument0.map((v, i) => roundedDown(v, argument1[i]))", scores, below)
    for value, previous, shown_text in zip(scores, below, texts, strict=True):
        assert previous < float(shown_text) <= value
    assert javascript("shown_threshold", "roundedDown(0.3756789, 0.3756781)") == "0.3756789"
    assert javascript("shown_threshold", "roundedDown(0.9999, 0.2)") == "0.999"


GROUPED = """(() => {
  const sum = noShares();
  addShare(sum, 2, 3, 1);
  for (const { events, whole } of argument0) addShare(sum, events, whole, 1);
  addShare(sum, 2, 3, -1);
  return sharesInterval(sum);
})()"""


def test_intervals_of_defects_allow_for_several_on_one_image(javascript: Callable[..., Any]) -> None:
    alone = [{"events": int(k < 3), "whole": 1} for k in range(20)]
    assert javascript("survey", GROUPED, alone) == pytest.approx(binomial_interval(3, 20), abs=0.01)
    together = [{"events": 4 * (k < 3), "whole": 4} for k in range(20)]  # 12 of 80 events, but on 3 of 20 images
    rate, squares = 12 / 80, 3 * (4 - 0.6) ** 2 + 17 * 0.6**2
    size = rate * (1 - rate) / (20 / 19 * squares / 80**2)
    events = rate * size
    expected = beta.ppf(0.025, events, size - events + 1), beta.ppf(0.975, events + 1, size - events)
    found = javascript("survey", GROUPED, together)
    assert found == pytest.approx(expected, abs=1e-9)
    low, high = binomial_interval(12, 80) or (0, 1)
    assert found[1] - found[0] > 1.5 * (high - low)
    none = [{"events": 0, "whole": 5}] * 8
    assert javascript("survey", GROUPED, none) == pytest.approx(binomial_interval(0, 8), abs=1e-9)
    assert javascript("survey", GROUPED, [{"events": 0, "whole": 0}]) is None
