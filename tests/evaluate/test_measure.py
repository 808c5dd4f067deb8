# ruff: noqa: SIM300 - it takes attributes such as AP for constants
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from datasets.coco import Prediction
from evaluate.measure import measure_run
from evaluate.metrics import read_metrics
from evaluate.tables import metrics_markdown, print_metrics
from system.errors import InputError, OptionError

A, B = (0, 0, 10, 10), (20, 0, 10, 10)


@pytest.fixture
def measured(bench: Any, tmp_path: Path) -> Any:
    """Function of (kind, val predictions, test predictions) that measures a small run."""
    val = bench.truth([(1, A)], [], first=11)
    test = bench.truth([(1, A)], [(2, B)], [], first=21)
    dataset = bench.dataset(tmp_path / "d", {"train": bench.truth([(3, A)]), "val": val, "test": test})

    def measure(kind: str, of_val: list[Prediction], of_test: list[Prediction], **options: Any) -> Any:
        run = bench.run(tmp_path / "runs", kind, dataset, {"val": of_val, "test": of_test})
        return run, measure_run(run, dataset, **options)

    measure.val, measure.test = val, test  # type: ignore[attr-defined]
    return measure


def test_the_operating_point_is_chosen_on_val_and_applied_to_test(bench: Any, measured: Any) -> None:
    of_val = [bench.prediction(11, 1, A, 0.8), bench.prediction(12, 1, A, 0.4)]
    of_test = [bench.prediction(21, 1, A, 0.7), bench.prediction(22, 2, B, 0.5), bench.prediction(23, 1, A, 0.65)]
    _, metrics = measured("seg", of_val, of_test)
    point = metrics.operating_point
    assert (point.rule, point.score_threshold, point.chosen_on) == ("max-f1", pytest.approx(0.6), "val")
    assert metrics.images.missed_names == ["022.png"]
    assert metrics.images.false_alarm_names == ["023.png"]
    assert metrics.pixels.defect.recall == 0.5
    assert metrics.pixels.defect.precision == 0.5
    assert metrics.instances.found == 1
    assert metrics.type_confusion.matrix[1][3] == 1
    _, stricter = measured("seg", of_val, of_test, operating_point="alarms<=1")
    assert stricter.images.missed == 0


def test_perfect_predictions(bench: Any, measured: Any) -> None:
    _, metrics = measured("seg", bench.perfect(measured.val), bench.perfect(measured.test))
    assert [metrics.boxes.AP, metrics.masks.AP, metrics.pixels.defect.dice] == pytest.approx([1, 1, 1])
    assert (metrics.images.missed, metrics.images.false_alarms) == (0, 0)
    assert metrics.boxes.per_type["stain"].AP is None  # only in train
    assert metrics.pixels.per_type["stain"].iou is None
    assert metrics.protocol.splits["test"].good == 1


def test_a_detector_has_no_masks_and_no_pixels(measured: Any) -> None:
    _, metrics = measured("det", [], [Prediction(21, 1, A, 0.9)])
    assert metrics.masks is None
    assert metrics.pixels is None
    assert metrics.boxes.per_type["chip"].AP == pytest.approx(1)


def test_without_predictions_on_val_the_default_is_reported(measured: Any) -> None:
    run, metrics = measured("det", [], [])
    assert metrics.operating_point.chosen_on == "default"
    assert "default score threshold 0.25" in metrics.protocol.operating_point
    assert "default score threshold 0.25" in run.metrics.with_suffix(".md").read_text()
    assert metrics.boxes.AP == 0
    assert metrics.images.missed == 2


def test_without_val(bench: Any, tmp_path: Path) -> None:
    dataset = bench.dataset(tmp_path / "d", {"test": bench.truth([(1, A)], types=["only"])})
    run = bench.run(tmp_path, "det", dataset, {"test": [Prediction(1, 1, A, 0.3)]})
    metrics = measure_run(run, dataset)
    assert metrics.operating_point.chosen_on == "default"
    assert metrics.images.missed == 0
    assert metrics.type_confusion.matrix == [[1, 0], [0, 0]]


def test_annotations_without_masks_are_measured_as_boxes(bench: Any, tmp_path: Path) -> None:
    dataset = bench.dataset(tmp_path / "d", {"test": bench.truth([(1, A)], masks=False)})
    run = bench.run(tmp_path, "seg", dataset, {"test": [bench.prediction(1, 1, A, 0.3)]})
    metrics = measure_run(run, dataset)
    assert metrics.boxes.AP == pytest.approx(1)
    assert metrics.masks is None
    assert metrics.pixels is None


def test_files_contain_the_returned_values_and_are_reproducible(bench: Any, measured: Any) -> None:
    content = (bench.perfect(measured.val), bench.perfect(measured.test, 0.7)[:1])
    run, metrics = measured("seg", *content)
    again, _ = measured("seg", *content)
    assert read_metrics(run.metrics) == metrics
    assert run.metrics.read_bytes() == again.metrics.read_bytes()
    plain = json.loads(run.metrics.read_text())
    assert plain["schema_version"] == 1
    assert plain == json.loads(msgspec.json.encode(metrics))
    assert run.metrics.with_suffix(".md").read_text() == metrics_markdown(metrics)


def test_score_maps_are_measured_if_they_exist(bench: Any, measured: Any) -> None:
    def score_map(image: Any) -> np.ndarray:
        scores = np.zeros((40, 40), np.float32)
        for a in measured.test.annotations:
            if a.image_id == image.id:
                x, y, w, h = a.bbox
                scores[y : y + h, x : x + w] = 0.9
        return scores

    _, metrics = measured("seg", [], [], score_map=score_map)
    assert (metrics.score_maps.pixel_ap, metrics.score_maps.aupro_30) == pytest.approx((1, 1))
    _, without = measured("seg", [], [])
    assert without.score_maps is None


def test_wrong_input_writes_nothing(bench: Any, measured: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        measured("det", [], [], operating_point="best")
    with pytest.raises(InputError, match=r"test.json: \$\[0\].image_id 11 is not an image"):
        measured("det", [], [Prediction(11, 1, A, 0.5)])
    assert not list(tmp_path.rglob("metrics.*"))


def test_tables_show_names_numbers_and_gaps(bench: Any, measured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, metrics = measured("seg", bench.perfect(measured.val), bench.perfect(measured.test)[:1])
    print_metrics(metrics)
    printed = capsys.readouterr()
    assert "by max-f1 on val, applied to test" in printed.err
    for text in ("Boxes", "Instance masks", "Pixels", "chip", "0.500", "50.0%"):
        assert text in printed.out
    written = metrics_markdown(metrics)
    assert "| stain | - | - | - | 0 |" in written
    assert "| missed | 1 | 2 | 50.0% | 0.013 to 0.987 |" in written
    assert "* 022.png" in written
    widths = {}
    for block in written.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        widths[block] = {row.count("|") for row in rows}
    assert all(len(counts) <= 1 for counts in widths.values())


def test_needs_neither_torch_nor_matplotlib() -> None:
    code = (
        "import sys, evaluate.measure; print({'torch', 'matplotlib', 'pandas', 'ultralytics'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
