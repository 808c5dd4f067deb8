# ruff: noqa: SIM300 - it takes attributes such as AP for constants
from pathlib import Path
from typing import Any

import pytest

from datasets.formats.coco_file import read_predictions
from evaluate.folds import measure_folds, summary
from evaluate.measure import measure_run
from evaluate.metrics import read_metrics
from system.errors import InputError

A, B = (0, 0, 10, 10), (20, 0, 10, 10)


@pytest.fixture
def crossed(bench: Any, tmp_path: Path) -> Any:
    """Function of the kind that gives dataset, pooled run and two measured folds of two test images each."""
    truth = bench.truth([(1, A)], [(2, B)], [], [], [(1, A)], [])
    dataset = bench.dataset(tmp_path / "d", {"train": truth})
    names = [i.file_name for i in truth.images]

    def make(kind: str, measured: bool = True) -> Any:
        # the folds score differently: what is sure in one is below the threshold of the other
        first = [bench.prediction(1, 1, A, 0.3), bench.prediction(3, 1, A, 0.05)]
        second = [bench.prediction(2, 2, B, 0.95), bench.prediction(4, 1, A, 0.6)]
        runs = []
        for test, found, on_val in (([0, 2], first, (0.2, 0.1)), ([1, 3], second, (0.9, 0.7))):
            val = [bench.prediction(5, 1, A, on_val[0]), bench.prediction(6, 1, A, on_val[1])]
            split = {"train": [], "val": [names[4], names[5]], "test": [names[k] for k in test]}
            runs.append(bench.run(tmp_path / "folds", kind, dataset, {"val": val, "test": found}, **split))
            if measured:
                measure_run(runs[-1], dataset)
        pooled = bench.run(tmp_path / "runs", kind, dataset, {}, train=[], val=[], test=names[:4])
        return dataset, pooled, runs

    return make


def test_each_fold_counts_by_its_own_threshold(crossed: Any) -> None:
    dataset, pooled, folds = crossed("seg")
    metrics = measure_folds(pooled, folds, dataset)
    assert metrics.folds.score_thresholds == pytest.approx([0.15, 0.8])
    assert (metrics.images.missed, metrics.images.false_alarms) == (
        0,
        0,
    )  # with one threshold for all one is wrong
    assert metrics.pixels.defect.dice == 1
    assert metrics.instances.found == 2
    assert metrics.operating_point.score_threshold == pytest.approx(0.475)
    assert metrics.operating_point.chosen_on == "val of each fold"
    # ranked together: 0.95 right, 0.6 wrong (chip), 0.3 right (chip): chip has precision 1/2, crack 1
    assert metrics.boxes.AP == pytest.approx((0.5 + 1) / 2)
    assert [p.image_id for p in read_predictions(pooled.predictions("test"))] == [1, 2, 3, 4]
    assert read_metrics(pooled.metrics) == metrics


def test_without_val_the_threshold_of_a_fold_comes_from_the_other_folds(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth([(1, A)], [], [(1, A)], [], [(1, A)], [])
    dataset = bench.dataset(tmp_path / "d", {"train": truth})
    names = [i.file_name for i in truth.images]
    # image scores of a defective and a good image: the middle between them is each fold's own best threshold
    scores = [(0.9, 0.5), (0.7, 0.25), (0.4, 0.2)]
    folds = []
    for k, pair in enumerate(scores):
        found = [bench.prediction(2 * k + 1 + i, 1, A, score) for i, score in enumerate(pair)]
        split = {"train": [], "val": [], "test": names[2 * k : 2 * k + 2]}
        folds.append(bench.run(tmp_path / "folds", "seg", dataset, {"test": found}, **split))
        measure_run(folds[-1], dataset)
    pooled = bench.run(tmp_path / "runs", "seg", dataset, {}, train=[], val=[], test=names)
    metrics = measure_folds(pooled, folds, dataset)
    # first: of 0.7 0.4 | 0.25 0.2 the middle, 0.325; third: of 0.9 0.7 | 0.5 0.25 the middle, 0.6; second: of
    # 0.9 0.4 | 0.5 0.2 either one false alarm (F1 4/5) or one miss (F1 2/3), so below 0.4
    assert metrics.folds.score_thresholds == pytest.approx([0.325, 0.3, 0.6])
    assert metrics.operating_point.chosen_on == "the other folds"
    assert (metrics.images.missed, metrics.images.false_alarms) == (1, 1)  # 0.4 below 0.6, 0.5 above 0.325
    assert read_metrics(folds[0].metrics).images.false_alarms == 1
    assert "on the other folds, applied to test" in folds[2].metrics.with_suffix(".md").read_text()


def test_mean_and_deviation_over_folds(crossed: Any) -> None:
    dataset, pooled, folds = crossed("seg")
    found = measure_folds(pooled, folds, dataset).folds
    assert found.values["boxes AP"] == pytest.approx([1, 1])
    assert found.mean["boxes AP"] == pytest.approx(1)
    assert found.standard_deviation["boxes AP"] == pytest.approx(0)
    assert found.values["missed"] == [0, 0]
    assert "AUPRO at 0.3" not in found.values
    written = pooled.metrics.with_suffix(".md").read_text()
    assert "| boxes AP | 1.000 | 0.000 | 1.000 | 1.000 |" in written


def test_a_detector_has_no_pixels_in_its_folds(crossed: Any) -> None:
    dataset, pooled, folds = crossed("det")
    assert not {"defect Dice", "masks AP"} & set(measure_folds(pooled, folds, dataset).folds.values)


def test_one_fold_has_no_deviation_and_gaps_are_left_out(crossed: Any) -> None:
    _, _, folds = crossed("seg")
    one = read_metrics(folds[0].metrics)
    assert summary([one]).standard_deviation["defect Dice"] is None
    without = type(one)(**{f: getattr(one, f) for f in one.__struct_fields__} | {"pixels": None})
    both = summary([one, without])
    assert both.values["defect Dice"] == [1, None]
    assert both.mean["defect Dice"] == 1
    assert set(summary([without, one]).values) == set(both.values)


def test_every_image_exactly_once(crossed: Any) -> None:
    dataset, pooled, folds = crossed("det")
    with pytest.raises(InputError, match=r"002.png is not tested by any fold"):
        measure_folds(pooled, folds[:1], dataset)
    with pytest.raises(InputError, match=r"001.png is tested by 2 folds"):
        measure_folds(pooled, [*folds, folds[0]], dataset)
    assert not pooled.metrics.exists()


def test_unfinished_folds_are_named(crossed: Any) -> None:
    dataset, pooled, folds = crossed("det", measured=False)
    with pytest.raises(InputError, match=r"metrics.json: no such file"):
        measure_folds(pooled, folds, dataset)
