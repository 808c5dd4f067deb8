# ruff: noqa: SIM300 - it takes attributes such as AP for constants
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluate.any_defect import ANY_DEFECT
from evaluate.average_precision import BOXES
from evaluate.measure import measure_run
from evaluate.tables import metrics_markdown
from system.errors import InputError

A, B, SHIFTED = (0, 0, 10, 10), (20, 0, 10, 10), (20, 0, 10, 8)


def test_a_wrong_type_does_not_count_and_a_wrong_place_does(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth([(1, A)], [(2, B)], [])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    predictions = [
        bench.prediction(1, 2, A, 0.9),  # the chip as a crack
        bench.prediction(2, 2, SHIFTED, 0.8),  # IoU 0.8: right at the thresholds 0.50 to 0.80, 7 of 10
    ]
    metrics = measure_run(bench.run(tmp_path, "seg", dataset, {"test": predictions}), dataset)
    boxes, masks = metrics[ANY_DEFECT].boxes, metrics[ANY_DEFECT].masks
    assert boxes is not None
    assert boxes == masks
    assert boxes.AP50 == pytest.approx(1)
    # at the other 3 thresholds precision is 1 up to recall 0.5: 51 of the 101 recall points
    assert boxes.AP == pytest.approx((7 + 3 * 51 / 101) / 10)
    # with types: the chip is never found, the crack only behind a false prediction with a higher score
    assert metrics[BOXES].AP50 == pytest.approx(1 / 4)
    assert "| boxes | 0.851 | 1.000 |" in metrics_markdown(metrics)
    assert ANY_DEFECT.fold_numbers(metrics[ANY_DEFECT])["any defect masks AP50"] == pytest.approx(1)


def test_an_ignore_region_of_any_type_counts_for_every_type(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth([(1, A), (3, B)])
    region = msgspec.structs.replace(truth.annotations[1], iscrowd=1)
    truth = msgspec.structs.replace(truth, annotations=[truth.annotations[0], region])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    inside = bench.prediction(1, 2, B, 0.95)
    metrics = measure_run(
        bench.run(tmp_path, "det", dataset, {"test": [inside, bench.prediction(1, 1, A, 0.5)]}), dataset
    )
    boxes = metrics[ANY_DEFECT].boxes
    assert boxes is not None
    assert boxes.AP == pytest.approx(1)  # the prediction inside is ignored, not false
    assert metrics[ANY_DEFECT].masks is None


def test_only_runs_with_boxes_have_it(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth([(1, A)], [])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    run = bench.run(tmp_path, "cls", dataset, {"test": []})
    assert measure_run(run, dataset).get(ANY_DEFECT) is None
    with pytest.raises(InputError):
        measure_run(bench.run(tmp_path, "det", dataset, {}), dataset)
