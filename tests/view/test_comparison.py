"""Comparison of runs: costs, what one fixes and breaks, more than two runs, intervals, run cards."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from datasets.formats.dataset_folder import load_dataset
from evaluate.compare import compare_runs, read_measured
from evaluate.metrics import read_metrics
from evaluate.run_folder import load_run
from tests.command import run_command
from tests.view.browser import Open, figures, set_confidence, settle, shown
from tests.view.fakes import make_run
from view.run_card import run_card
from view.scene import run_scene

JUDGED = """() => window.defectline.results().judged.map((run) => run.map((one) => ({
  miss: one.miss, alarm: one.alarm, finders: one.finders,
  truths: one.truthVerdicts, predictions: one.predictionVerdicts })))"""
DEFECTS = {"missed": 20, "wrong type": 5, "poorly located": 1}
PREDICTIONS = {"nothing there": 3, "wrong type": 1, "poorly located": 1, "found twice": 1}


def cost(one: dict[str, Any], missed: float = 100, alarm: float = 30) -> float:
    """The table of the page, applied to the verdicts on one image."""
    return (
        missed * one["miss"] + alarm * one["alarm"]
        + sum(DEFECTS.get(v, 0) for v in one["truths"]) + sum(PREDICTIONS.get(v, 0) for v in one["predictions"])
    )  # fmt: skip


def chip(page: Any, key: str) -> int:
    return int(page.locator(f'.chip[data-key="{key}"] .number').inner_text())


def test_a_miss_costs_more_than_a_false_alarm_and_that_more_than_poor_localisation(javascript: Open) -> None:
    nothing = {"miss": False, "alarm": False, "truthVerdicts": ["right"], "predictionVerdicts": ["right"]}
    cases = [
        nothing,
        nothing | {"truthVerdicts": ["poorly located"], "predictionVerdicts": ["poorly located"]},
        nothing | {"truthVerdicts": ["wrong type"], "predictionVerdicts": ["wrong type"]},
        nothing | {"truthVerdicts": ["right", "missed"]},
        nothing | {"alarm": True, "truthVerdicts": [], "predictionVerdicts": ["nothing there"]},
        nothing | {"miss": True, "truthVerdicts": ["missed"], "predictionVerdicts": []},
    ]
    costs = [javascript("cost", "imageCost(argument0, START_COSTS)", case) for case in cases]
    assert costs == sorted(set(costs))
    same = {"overlaps": [0.8]}
    assert (
        javascript("cost", "changeOf(...argument0, START_COSTS)", [cases[5] | same, cases[1] | same]) == "better"
    )
    assert javascript("cost", "changeOf(...argument0, START_COSTS)", [cases[0] | same, cases[1] | same]) == "worse"
    moved = [nothing | {"overlaps": [0.7]}, nothing | {"overlaps": [0.9]}]
    assert javascript("cost", "changeOf(...argument0, START_COSTS)", moved) == "better"
    assert javascript("cost", "changeOf(...argument0, START_COSTS)", [moved[0], moved[0]]) == "same"


def test_lists_of_what_the_second_run_fixes_and_breaks(opened: Open, compare_page: Path) -> None:
    page = opened(compare_page, "thresholds=[0.5,0.4]")
    first, second = page.evaluate(JUDGED)
    pairs = list(zip(first, second, strict=True))
    failed = [(a["miss"] or a["alarm"], b["miss"] or b["alarm"]) for a, b in pairs]
    assert chip(page, "fixed") == failed.count((True, False)) > 0
    assert chip(page, "broken") == failed.count((False, True))
    found = [[(p >= 0, q >= 0) for p, q in zip(a["finders"], b["finders"], strict=True)] for a, b in pairs]
    assert chip(page, "gained") == sum((False, True) in image for image in found)
    assert chip(page, "lost") == sum((True, False) in image for image in found) > 0
    cheaper = sum(cost(b) < cost(a) for a, b in pairs)
    dearer = sum(cost(b) > cost(a) for a, b in pairs)
    assert chip(page, "better") >= cheaper > 0
    assert chip(page, "worse") >= dearer > 0
    page.keyboard.press("v")
    page.click('[data-change="fixed"]')
    settle(page)
    assert len(shown(page)) == failed.count((True, False))


def test_the_reader_sets_what_a_miss_and_a_false_alarm_cost(opened: Open, compare_page: Path) -> None:
    page = opened(compare_page, "tab=tables")
    page.fill("#cost-0", "7")
    page.keyboard.press("Tab")
    page.fill("#cost-1", "900")
    page.keyboard.press("Tab")
    settle(page)
    for m, run in enumerate(page.evaluate(JUDGED)):
        total = page.locator(f'.runs tr[data-run="{m}"] td').last.inner_text()
        assert float(total.replace(",", "")) == sum(cost(one, 7, 900) for one in run)


def test_the_difference_is_that_of_evaluate_compare(
    opened: Open, compare_page: Path, det_run: Path, seg_run: Path, dataset: Path
) -> None:
    sides = [[read_measured(load_run(run), load_dataset(dataset))] for run in (det_run, seg_run)]
    expected = compare_runs(*sides)
    rows = opened(compare_page, "tab=tables").locator(".differences tbody tr").all()
    assert len(rows) == len(expected.measures) >= 4
    for row, difference in zip(rows, expected.measures, strict=True):
        name, a, b, change, interval, verdict = row.locator("th, td").all_inner_texts()
        assert (name, verdict) == (difference.measure, difference.verdict)
        numbers = [a, b, change, *interval.split(" … ")]
        values = (difference.a, difference.b, difference.difference, *difference.interval)
        assert [float(text.replace("−", "-")) for text in numbers] == pytest.approx(values, abs=0.00051)


def test_the_letter_of_a_run_covers_no_label_and_no_pixel(opened: Open, compare_page: Path) -> None:
    """Letters are above the images, which have the same height as their part of the tile, at any width."""
    for width in (1280, 500):
        page = opened(compare_page, viewport={"width": width, "height": 800})
        settle(page)
        panes: list[tuple[float, float, float, float]] = page.evaluate(
            """() => [...document.querySelectorAll(".tile .pane")].map((pane) => {
              const box = (one) => pane.querySelector(one).getBoundingClientRect();
              const [letter, frame] = [box(".letter"), box(".frame")];
              const image = pane.querySelector("img").getBoundingClientRect();
              return [frame.top - letter.bottom, image.top - frame.top, image.height - frame.height,
                pane.getBoundingClientRect().bottom - frame.bottom];
            })"""
        )
        assert len(panes) >= 8
        assert all(abs(distance) < 0.6 for one in panes for distance in one)  # pixels


def test_any_two_of_more_runs_are_side_by_side(
    opened: Open, det_run: Path, seg_run: Path, dataset: Path, tmp_path: Path
) -> None:
    third = make_run(tmp_path / "third", dataset, "det", seed=9, keep=0.4)
    page_file = tmp_path / "three.html"
    assert run_command("view", det_run, seg_run, third, "--out", page_file) == 0
    page = opened(page_file)
    assert page.locator(".tile").first.locator(".pane .letter").all_inner_texts() == ["A", "B"]
    page.click('[data-key="tables"]')
    row = page.locator('.runs tr[data-run="2"]')
    row.locator("button.side").first.click()
    settle(page)
    assert page.evaluate("() => window.defectline.state.pair") == [2, 1]
    metrics = read_metrics(third / "metrics.json")
    assert figures(page, 2)["Missed"] == str(metrics.images.missed)
    assert figures(page, 0) == {}
    expected = compare_runs(*([read_measured(load_run(run), load_dataset(dataset))] for run in (third, seg_run)),
                            resamples=50)  # fmt: skip
    shown_rows = page.locator(".differences tbody tr").all()
    assert float(shown_rows[0].locator("td").nth(2).inner_text().replace("−", "-")) == pytest.approx(
        expected.measures[0].difference, abs=0.00051
    )
    set_confidence(page, 0.9, run=2)
    row.locator('[data-kind="missed"]').click()
    settle(page)
    assert page.locator(".tile").first.locator(".pane .letter").all_inner_texts() == ["C", "B"]
    assert len(shown(page)) == int(figures(page, 2)["Missed"])
    page.locator(".tile").first.click()
    settle(page)
    captions = page.locator("#large figcaption").all_inner_texts()
    assert [caption[0] for caption in captions] == ["C", "B"]
    page.click("#large .close")
    judged = page.evaluate(
        "() => window.defectline.results().judged.map((run) => run.map((one) => one.miss || one.alarm))"
    )
    page.click('[data-key="tables"]')
    settle(page)
    cells = [
        [text for text in row.locator("td").all_inner_texts() if text]
        for row in page.locator(".disagreement tr").all()
    ]
    wanted = [
        [sum(x and (a == b or not y) for x, y in zip(judged[a], judged[b], strict=True)) for b in range(3)]
        for a in range(3)
    ]
    assert [[int(text) for text in row] for row in cells if row] == wanted
    page.locator('.disagreement [data-cell^="disagreement,2"]').first.click()
    settle(page)
    assert len(shown(page)) == wanted[2][0]
    assert "wrong in C, right in A" in page.locator("#bar .chip").first.inner_text()


def test_runs_that_cannot_be_compared_are_shown_without_intervals(
    seg_run: Path, dataset: Path, tmp_path: Path
) -> None:
    unmeasured = make_run(tmp_path, dataset, "seg", seed=5, measured=False)
    scene = run_scene([seg_run, unmeasured, seg_run], "test")
    assert [(pair.a, pair.b) for pair in scene.differences] == [(0, 2)]
    assert run_scene([seg_run, seg_run], "val").differences == []


def test_run_card(opened: Open, seg_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(seg_run, run)
    options = "{epochs: 40, imgsz: 320, encoder: mit_b0, encoder_weights: /a/b/mit.pt, optimisation: {lr: 0.5}}"
    options = options.replace("imgsz", "good_map: /a/map, imgsz")
    config = (run / "config.yaml").read_text().replace("options: {}", f"options: {options}")
    (run / "config.yaml").write_text(config)
    (run / "history.csv").write_text("epoch,lr,train_loss,val_dice\n1,0.1,0.8,0.2\n2,0.1,,0.6\n3,0.1,0.4,0.5\n")
    card = run_card(load_run(run))
    assert (card.weights, card.epochs_asked, card.epochs_done, card.task) == ("mit.pt", 40, 3, "seg")
    assert {(c.name, c.value) for c in card.changed} == {
        ("encoder", "mit_b0"), ("optimisation.lr", "0.5"), ("good_map", "map")
    }  # fmt: skip
    assert [(c.name, c.values) for c in card.curves] == [
        ("train_loss", [0.8, None, 0.4]), ("val_dice", [0.2, 0.6, 0.5])
    ]  # fmt: skip
    metrics = read_metrics(run / "metrics.json")
    dice = next(n for n in card.numbers if n.name == "defect Dice")
    assert dice.value == metrics.pixels.defect.dice
    assert (dice.low, dice.high) == metrics.pixels.intervals["dice"]
    split = json.loads((run / "split.json").read_text())
    assert card.splits == {name: len(images) for name, images in split["images"].items() if images}
    assert run_command("view", run) == 0
    facts = opened(run / "view.html", "tab=tables").locator(".card-facts").inner_text()
    assert "3 of 40" in facts
    assert "mit.pt" in facts
    assert "val 6, test 18" in facts
