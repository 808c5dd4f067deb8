"""Ignore regions in the page: its numbers are those of evaluate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path
from evaluate.average_precision import BOXES
from evaluate.confusion import INSTANCES, TYPE_CONFUSION
from evaluate.images import IMAGES
from evaluate.metrics import read_metrics
from tests.command import run_command
from tests.view.fakes import make_dataset, make_run

RUN = {
    "predictions": [{"type": t, "score": s} for t, s in ((0, 0.9), (0, 0.8), (1, 0.7), (0, 0.6))],
    "pairs": [[{"truth": 0, "boxes": 0.8}], [], [], []],
    "inside": [[{"type": 0, "boxes": 1.0}], [{"type": 0, "boxes": 0.5}], [{"type": 0, "boxes": 0.9}],
               [{"type": 0, "boxes": 0.4}]],
}  # fmt: skip


@pytest.mark.parametrize(("any_type", "expected"), [(False, [0, -2, -1, -1]), (True, [0, -2, -2, -1])])
def test_a_prediction_inside_a_region_matches_the_region(
    javascript: Callable[..., Any], any_type: bool, expected: list[int]
) -> None:
    call = "matchPredictions([{type: 0}], argument0.run, 4, 0.5, 'boxes', argument0.anyType)"
    assert javascript("judge", call, {"run": RUN, "anyType": any_type}) == expected


def test_they_are_neither_right_nor_wrong(javascript: Callable[..., Any]) -> None:
    image = {"good": False, "truths": [{"type": 0}], "runs": [RUN]}
    found = javascript("judge", "judgeImage(argument0, 0, 4, 0.5, 'boxes')", image)
    assert (found["right"], found["wrong"], found["unfound"]) == (1, 2, 0)
    assert found["predictionVerdicts"] == ["right", "ignored", "nothing there", "nothing there"]
    only_inside = {"good": True, "truths": [], "runs": [{**RUN, "pairs": [[]] * 4}]}
    assert javascript("judge", "judgeImage(argument0, 0, 2, 0.5, 'boxes')", only_inside)["alarm"] is False
    assert javascript("judge", "imageScore(argument0, 0)", only_inside) == 0.7


def test_the_page_counts_as_evaluate_does(opened: Callable[..., Any], tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "d", images=24)
    for path in (annotation_path(root, split) for split in ("val", "test")):
        coco = read_coco(path)
        write_coco(path, replace(coco, annotations=[replace(a, iscrowd=a.id % 2) for a in coco.annotations]))
    run = make_run(tmp_path / "runs", root)
    metrics = read_metrics(run / "metrics.json")
    assert run_command("view", run) == 0
    page = opened(run / "view.html", "tab=tables")
    sums = page.evaluate("() => window.defectline.results().sums[0]")
    counts, images = metrics[INSTANCES], metrics[IMAGES]
    assert (sums["found"], sums["wrong"], sums["unfound"]) == (counts.found, counts.false, counts.missed)
    assert (sums["missed"], sums["alarms"]) == (images.missed, images.false_alarms)
    assert (sums["defective"], sums["good"]) == (images.defective, images.good)
    cells = [
        [cell.inner_text() for cell in row.locator("td").all()]
        for row in page.locator(".confusion:not(.sizes)").first.locator("tr").all()[1:]
    ]
    matrix = metrics[TYPE_CONFUSION].matrix
    assert cells == [[str(v) for v in row] for row in matrix[:-1]] + [[*map(str, matrix[-1][:-1]), ""]]
    rows = page.locator("figure:has-text('By defect type') tr:has(td)").all()
    precisions = [t.AP50 for t in metrics[BOXES].per_type.values()]
    assert [row.locator("td").last.inner_text() for row in rows] == [
        "–" if p is None else f"{p:.3f}" for p in precisions
    ]
