from typing import Any

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import (
    binary_f1_score,
    binary_jaccard_index,
    binary_precision,
    binary_recall,
    multiclass_jaccard_index,
)

from datasets.coco import Annotation, Prediction
from datasets.formats.dataset_folder import load_dataset
from evaluate.bootstrap import draw_images
from evaluate.pixels import paint_annotations, paint_predictions, pixel_measures, type_indices

SQUARE = (0, 0, 10, 10)
HALF = (0, 0, 10, 5)


def _measure(truth: Any, predictions: list[Prediction]) -> Any:
    return pixel_measures(truth, predictions, draw_images(len(truth.images), 0))


def test_half_found(bench: Any) -> None:
    measured = _measure(bench.truth([(1, SQUARE)]), [bench.prediction(1, 1, HALF, 0.9)])
    defect = measured.defect
    assert (defect.iou, defect.dice) == (0.5, pytest.approx(2 * 50 / 150))
    assert (defect.precision, defect.recall) == (1, 0.5)
    assert measured.intervals == {"iou": pytest.approx((0.5, 0.5)), "dice": pytest.approx((2 / 3, 2 / 3))}


def test_pixels_are_pooled_over_images_and_false_alarms_on_negatives_count(bench: Any) -> None:
    truth = bench.truth([(1, SQUARE)], [], [])
    found = bench.prediction(1, 1, HALF, 0.9)
    assert _measure(truth, [found]).defect.iou == 0.5
    alarm = bench.prediction(2, 1, SQUARE, 0.9)
    measured = _measure(truth, [found, alarm])
    assert measured.defect.iou == 50 / 200
    assert measured.defect.precision == pytest.approx(50 / 150)


def test_a_wrong_type_is_still_a_defect(bench: Any) -> None:
    truth = bench.truth([(1, SQUARE), (2, (20, 20, 10, 10))])
    measured = _measure(truth, [bench.prediction(1, 3, SQUARE, 0.9), bench.prediction(1, 2, (20, 20, 10, 5), 0.9)])
    assert measured.defect.iou == 150 / 200
    assert measured.per_type["chip"].iou == 0
    assert measured.per_type["crack"].dice == pytest.approx(2 * 50 / 150)
    assert measured.per_type["stain"].iou is None  # painted, but nowhere in the truth
    assert measured.mean_iou_of_types == pytest.approx((0 + 0.5) / 2)


def test_which_mask_is_on_top(bench: Any) -> None:
    truth = bench.truth([(2, HALF), (1, SQUARE)])
    image, indices = truth.images[0], type_indices(truth)
    painted = paint_annotations(image, truth.annotations, indices)
    assert (painted[:5, :10] == 2).all()
    assert (painted[5:10, :10] == 1).all()
    predictions = [
        bench.prediction(1, 1, SQUARE, 0.9),
        bench.prediction(1, 2, HALF, 0.8),
        bench.prediction(1, 3, SQUARE, 0.9),
    ]
    assert np.unique(paint_predictions(image, predictions, indices)).tolist() == [0, 1]
    assert np.unique(paint_predictions(image, predictions[1:], indices)).tolist() == [0, 3]
    assert np.unique(paint_predictions(image, [], indices)).tolist() == [0]


def test_category_ids_need_not_be_indices(bench: Any) -> None:
    truth = bench.truth([(1, SQUARE)])
    categories = [type(c)(c.id * 300, c.name) for c in truth.categories]
    annotations = [Annotation(1, 1, 900, SQUARE, 100, bench.mask(SQUARE))]
    renamed = type(truth)(truth.images, annotations, categories)
    measured = _measure(renamed, [bench.prediction(1, 900, SQUARE, 0.9)])
    assert measured.per_type["stain"].iou == 1
    assert measured.mean_iou_of_types == 1


def test_perfect_predictions_reach_one_with_negatives(bench: Any, coco_folder: Any) -> None:
    truth = load_dataset(coco_folder).split("test")
    measured = _measure(truth, bench.perfect(truth))
    assert (measured.defect.iou, measured.defect.dice, measured.boundary.f) == (1, 1, 1)
    assert {t.iou for t in measured.per_type.values()} == {1}
    assert measured.intervals == {"iou": (1, 1), "dice": (1, 1)}


def test_nothing_painted_is_zero_and_nothing_there_is_null(bench: Any) -> None:
    nothing = _measure(bench.truth([(1, SQUARE)], []), [])
    assert (nothing.defect.iou, nothing.defect.dice, nothing.defect.recall) == (0, 0, 0)
    assert nothing.defect.precision is None
    good = _measure(bench.truth([], []), [bench.prediction(1, 1, SQUARE, 0.9)])
    assert (good.defect.iou, good.defect.dice, good.defect.recall) == (None, None, None)
    assert good.defect.precision == 0
    assert good.mean_iou_of_types is None
    assert good.intervals == {"iou": None, "dice": None}


def test_equals_torchmetrics_on_the_painted_pixels(bench: Any) -> None:
    rng = np.random.default_rng(2)

    def box() -> tuple[int, ...]:
        return tuple(int(v) for v in (*rng.integers(0, 25, 2), *rng.integers(5, 15, 2)))

    truth = bench.truth(*[[(int(rng.integers(1, 4)), box()) for _ in range(n % 4)] for n in range(12)])
    predictions = [
        bench.prediction(image.id, int(rng.integers(1, 4)), box(), rng.random()) for image in truth.images * 3
    ]
    predictions += bench.perfect(truth)[::2]
    measured = _measure(truth, predictions)
    indices = type_indices(truth)
    real = np.stack([paint_annotations(i, truth.by_image()[i.id], indices) for i in truth.images])
    painted = np.stack(
        [paint_predictions(i, [p for p in predictions if p.image_id == i.id], indices) for i in truth.images]
    )
    target, preds = torch.tensor(real, dtype=torch.long), torch.tensor(painted, dtype=torch.long)
    defect = measured.defect
    assert [defect.iou, defect.dice, defect.precision, defect.recall] == pytest.approx(
        [
            float(measure(preds > 0, target > 0))
            for measure in (binary_jaccard_index, binary_f1_score, binary_precision, binary_recall)
        ],
        abs=1e-6,
    )
    theirs = multiclass_jaccard_index(preds, target, 4, average=None)[1:].tolist()
    assert [t.iou for t in measured.per_type.values()] == pytest.approx(theirs, abs=1e-6)
