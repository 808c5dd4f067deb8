from typing import Any

import numpy as np
import pytest
import torch
from torchmetrics.functional.detection import panoptic_quality

from evaluate.bootstrap import draw_images
from evaluate.measure import measure_run
from evaluate.panoptic import PANOPTIC, PanopticMeasures, panoptic_measures, segment_sums
from evaluate.tables import metrics_markdown

A, B = (0, 0, 10, 10), (20, 0, 10, 10)


def measured(truth: Any, predictions: Any) -> PanopticMeasures:
    return panoptic_measures(truth, predictions, draw_images(len(truth.images), 0))


def test_a_hand_worked_example(bench: Any) -> None:
    truth = bench.truth([(1, A), (1, B)], [(2, A)])
    predictions = [
        bench.prediction(1, 1, (0, 0, 10, 8), 0.9),  # chip: 80 of 100 pixels, IoU 0.8
        bench.prediction(1, 1, (20, 0, 10, 5), 0.8),  # chip: IoU 0.5, not above 0.5: false, and one missed
        bench.prediction(2, 1, A, 0.7),  # a crack taken for a chip: a false chip and a missed crack
    ]
    found = measured(truth, predictions)
    chip, crack = found.per_type["chip"], found.per_type["crack"]
    assert (chip.found, chip.false, chip.missed) == (1, 2, 1)
    assert (chip.pq, chip.sq, chip.rq) == pytest.approx((0.8 / 2.5, 0.8, 1 / 2.5))
    assert (crack.pq, crack.sq, crack.rq, crack.missed) == (0, 0, 0, 1)
    assert found.per_type["stain"].pq is None  # neither annotated nor predicted, so not in the mean
    assert (found.pq, found.sq, found.rq) == pytest.approx((0.16, 0.4, 0.2))


def test_perfect_predictions_and_none(bench: Any) -> None:
    truth = bench.truth([(1, A), (2, B)], [])
    perfect = measured(truth, bench.perfect(truth))
    assert (perfect.pq, perfect.sq, perfect.rq) == (1, 1, 1)
    assert perfect.intervals["pq"] == (1, 1)
    nothing = measured(truth, [])
    assert (nothing.pq, nothing.sq, nothing.rq) == (0, 0, 0)
    only_good = measured(bench.truth([], []), [])
    assert (only_good.pq, only_good.intervals["pq"]) == (None, None)


def test_a_pixel_belongs_to_the_higher_score_and_to_the_smaller_annotation(bench: Any) -> None:
    truth = bench.truth([(1, (0, 0, 20, 10)), (2, A)])  # the chip keeps its right half, 100 pixels
    below = bench.prediction(1, 2, (0, 0, 20, 10), 0.4)  # keeps its left half only, which is the crack
    above = bench.prediction(1, 1, (10, 0, 10, 10), 0.6)
    found = measured(truth, [below, above])
    assert (found.pq, found.rq) == (1, 1)


@pytest.mark.parametrize("seed", range(5))
def test_equals_torchmetrics(seed: int) -> None:
    rng = np.random.default_rng(seed)
    background = 9  # a stuff type there, left out of what is compared
    sums, maps = np.zeros((3, 4)), []
    for _ in range(3):
        types = [[int(t) for t in rng.integers(0, 3, 6)] for _ in range(2)]
        sides = []
        for side in types:
            canvas = np.zeros((24, 24), np.int32)
            for number in range(1, len(side) + 1):
                x, y = rng.integers(0, 18, 2)
                canvas[y : y + rng.integers(2, 10), x : x + rng.integers(2, 10)] = number
            sides.append(canvas)
        canvas = sides[0].copy()
        canvas[:18] = sides[1][:18]  # partly the same, so that some segments meet
        sides[0] = canvas
        types[0] = types[1]
        sums += segment_sums(sides[0], sides[1], types, 3)
        coloured = [
            np.stack([np.array([background, *t])[side], np.where(side, side, 0)], axis=-1)
            for side, t in zip(sides, types, strict=True)
        ]
        maps.append(coloured)
    theirs = panoptic_quality(
        torch.tensor(np.stack([m[0] for m in maps])),
        torch.tensor(np.stack([m[1] for m in maps])),
        things={0, 1, 2},
        stuffs={background},
        return_per_class=True,
        return_sq_and_rq=True,
    )
    iou, found, false, missed = sums.T
    ours = np.stack([iou / (found + (false + missed) / 2), iou / found, found / (found + (false + missed) / 2)], 1)
    assert found.sum() > 3
    assert (false + missed).sum() > 3
    np.testing.assert_allclose(ours, theirs[:3].numpy())


def test_a_run_reports_it_everywhere(bench: Any, tmp_path: Any) -> None:
    truth = bench.truth([(1, A)], [(2, B)], [])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    run = bench.run(tmp_path, "seg", dataset, {"test": bench.perfect(truth)[:1]})
    metrics = measure_run(run, dataset)
    assert metrics[PANOPTIC].pq == pytest.approx(0.5)
    low, high = metrics[PANOPTIC].intervals["pq"] or (None, None)
    assert (low, high) == (0, 1)
    assert PANOPTIC.fold_numbers(metrics[PANOPTIC]) == {"PQ": 0.5, "SQ": 0.5, "RQ": 0.5}
    assert "Kirillov" in metrics.protocol.definitions["panoptic"]
    assert "| mean of types | 0.500 | 0.500 | 0.500 |" in metrics_markdown(metrics)
    detector = bench.run(tmp_path, "det", dataset, {"test": bench.perfect(truth)})
    assert measure_run(detector, dataset).get(PANOPTIC) is None
