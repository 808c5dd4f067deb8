"""Images with several types: numbers against scikit-learn and against small counts by hand."""

import numpy as np
import pytest

from datasets.coco import Annotation, Category, CocoFile, Image, Prediction
from evaluate.bootstrap import draw_images
from evaluate.metric import Tested
from evaluate.run_folder import Provides
from evaluate.several_types import SEVERAL_TYPES, several_types_measures
from evaluate.type_of_image import labels_of_images, type_probabilities
from evaluate.values import OperatingPoint

CATEGORIES = [Category(3, "dent"), Category(9, "scratch"), Category(12, "stain")]
IDS = [3, 9, 12]


def make_tested(labels: np.ndarray, scores: np.ndarray, *, several: bool = True) -> Tested:
    images = [Image(i, f"{i}.png", 8, 8) for i in range(len(labels))]
    pairs = [(i, k) for i in range(len(labels)) for k in range(3) if labels[i, k]]
    annotations = [Annotation(n, i, IDS[k], (0, 0, 2, 2), 4) for n, (i, k) in enumerate(pairs, 1)]
    predictions = [
        Prediction(i, IDS[k], (0, 0, 8, 8), float(scores[i, k])) for i in range(len(labels)) for k in range(3)
    ]
    return Tested(
        truth=CocoFile(images, annotations, CATEGORIES),
        predictions=predictions,
        counted=[],
        point=OperatingPoint(0.5, "max-f1", "default", met=True),
        provides=Provides(image_types=True, several_types=several),
        draws=draw_images(len(labels), 0),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_numbers_are_those_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(seed)
    labels = random.random((40, 3)) < 0.3
    scores = np.clip(labels * 0.4 + random.random((40, 3)) * 0.6, 0, 1)
    predicted = scores >= 0.5
    found = several_types_measures(make_tested(labels, scores))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert found.auroc == pytest.approx(metrics.roc_auc_score(labels.any(1), scores.max(1)))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(labels, predicted)
    for k, one in enumerate(found.types):
        assert (one.precision, one.recall, one.f1) == pytest.approx((precision[k], recall[k], f1[k]))
        assert one.images == support[k]
        assert one.auroc == pytest.approx(metrics.roc_auc_score(labels[:, k], scores[:, k]))


def test_an_image_is_right_if_all_its_types_are_right() -> None:
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    scores = np.array([[0.5, 0.9, 0.49], [0.8, 0.5, 0], [0.1, 0.2, 0.3]])
    found = several_types_measures(make_tested(labels, scores))
    assert (found.images, found.right) == (3, 2)
    dent, scratch, stain = found.types
    assert (dent.images, dent.predicted, dent.right) == (2, 2, 2)
    assert (scratch.images, scratch.predicted, scratch.precision) == (1, 2, 0.5)
    assert (stain.precision, stain.recall, stain.auroc) == (None, None, None)
    assert found.macro_f1 == pytest.approx((1 + 2 / 3) / 2)
    low, high = found.intervals["accuracy"] or (1, 0)
    assert low < 2 / 3 < high


def test_good_is_as_probable_as_the_most_probable_type_is_absent() -> None:
    images = [Image(1, "a.png", 4, 4)]
    predictions = [Prediction(1, 3, (0, 0, 4, 4), 0.9), Prediction(1, 9, (0, 0, 4, 4), 0.7)]
    row = type_probabilities(images, IDS, predictions, several=True)[0]
    assert row.tolist() == pytest.approx([0.1, 0.9, 0.7, 0])


def test_ignore_regions_are_not_a_type() -> None:
    images = [Image(1, "a.png", 4, 4)]
    annotations = [Annotation(1, 1, 3, (0, 0, 2, 2), 4, iscrowd=1), Annotation(2, 1, 12, (0, 0, 2, 2), 4)]
    assert labels_of_images(CocoFile(images, annotations, CATEGORIES), images).tolist() == [[False, False, True]]


def test_a_run_of_one_type_has_no_such_measures() -> None:
    assert SEVERAL_TYPES.measure(make_tested(np.zeros((2, 3), bool), np.zeros((2, 3)), several=False)) is None
    tables = list(SEVERAL_TYPES.tables(several_types_measures(make_tested(np.eye(3, dtype=bool), np.eye(3))), {
        "several_types": "as defined"
    }))  # fmt: skip
    assert tables[0].title == "Several types: 3 of 3 images right"
    assert len(tables[1].rows) == 3
