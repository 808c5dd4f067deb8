"""Measures of image types against scikit-learn, on truth and probabilities drawn at random."""

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from imblearn.metrics import geometric_mean_score
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn import metrics as sk

from datasets.coco import CocoFile, Prediction
from evaluate.calibration import calibration_bins, calibration_error
from evaluate.measure import measure_run
from evaluate.metrics import read_metrics
from evaluate.run_folder import Provides
from evaluate.truth import check_predictions
from evaluate.type_measures import auroc, confusions, type_measures
from evaluate.type_of_image import image_answers, type_names, type_of_image, type_probabilities, types_of_images
from system.errors import InputError

SIZE, TYPES = 40, ("chip", "crack", "stain")  # of the images of `bench`
CLS = Provides(image_types=True)
WHOLE = (0, 0, SIZE, SIZE)
ALL = {0: [], 1: [(1, (0, 0, 4, 4))], 2: [(2, (0, 0, 4, 4))], 3: [(3, (0, 0, 4, 4))]}


def drawn(images: int, seed: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """True types 0..3 and probabilities that favour them."""
    random = np.random.default_rng(seed)
    truth = random.choice(4, images, p=[0.4, 0.3, 0.2, 0.1])
    scores = random.dirichlet([0.6] * 4, images)
    scores[np.arange(images), truth] += 0.7
    return truth, scores / scores.sum(axis=1, keepdims=True)


def truth_of(bench: Any, types: NDArray[np.intp], first: int = 1) -> CocoFile:
    return bench.truth(*(ALL[int(k)] for k in types), first=first)  # type: ignore[arg-type]


def predictions_of(truth: CocoFile, scores: NDArray[np.float64]) -> list[Prediction]:
    return [
        Prediction(image.id, k, WHOLE, float(row[k]))
        for image, row in zip(truth.images, scores, strict=True)
        for k in range(1, 4)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_numbers_equal_scikit_learn(seed: int) -> None:
    """Also where a type is neither drawn nor predicted."""
    truth, scores = drawn((7, 12, 60, 200)[seed % 4], seed)
    predicted = scores.argmax(axis=1)
    once = np.ones((1, len(truth)), np.int64)
    matrix = confusions(truth, predicted, 4, once)[0]
    assert matrix.tolist() == sk.confusion_matrix(truth, predicted, labels=range(4)).tolist()
    found = type_measures(matrix)
    assert found.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(truth, predicted))
    assert found.macro_f1 == pytest.approx(sk.f1_score(truth, predicted, average="macro"))
    recalls = sk.recall_score(truth, predicted, average=None, labels=sorted(set(truth.tolist())))
    assert found.geometric_mean == pytest.approx(math.prod(recalls) ** (1 / len(recalls)))
    assert found.geometric_mean == pytest.approx(geometric_mean_score(truth, predicted))
    defect = np.round(1 - scores[:, 0], 1)  # ties
    assert auroc(defect, truth > 0, once[0]) == pytest.approx(sk.roc_auc_score(truth > 0, defect))


def test_a_resample_counts_an_image_once_per_draw() -> None:
    truth, scores = drawn(30, 3)
    predicted = scores.argmax(axis=1)
    draw = np.random.default_rng(5).multinomial(30, [1 / 30] * 30, size=3)
    for weights, matrix in zip(draw, confusions(truth, predicted, 4, draw), strict=True):
        again = np.repeat(np.arange(30), weights)
        assert matrix.tolist() == sk.confusion_matrix(truth[again], predicted[again], labels=range(4)).tolist()
        wanted = sk.roc_auc_score(truth[again] > 0, 1 - scores[again, 0])
        assert auroc(1 - scores[:, 0], truth > 0, weights) == pytest.approx(wanted)


def test_values_that_cannot_be_computed_are_none() -> None:
    nothing = np.zeros((4, 4), np.int64)
    assert msgspec.structs.astuple(type_measures(nothing)) == (None, None, None)
    assert auroc(np.array([0.2, 0.4]), np.array([True, True]), np.array([1, 1])) is None
    assert calibration_error([]) is None


def test_one_type_without_a_right_image_makes_the_geometric_mean_zero() -> None:
    measures = type_measures(np.array([[5, 0], [3, 0]]))
    assert (measures.geometric_mean, measures.balanced_accuracy) == (0.0, 0.5)


def test_calibration_error_by_hand() -> None:
    """Two images at 0.95 of which one is right, one at exactly 0.5 that is wrong."""
    bins = calibration_bins(np.array([0.95, 0.95, 0.5]), np.array([True, False, False]))
    assert [(b.images, b.right) for b in bins] == [(1, 0.0), (2, 0.5)]
    assert calibration_error(bins) == pytest.approx((2 * 0.45 + 0.5) / 3)


def test_the_type_of_an_image_is_the_one_with_the_largest_area(bench: Any) -> None:
    small, large, other = (0, 0, 2, 2), (0, 0, 5, 5), (9, 9, 4, 4)
    several = bench.truth([(1, large), (2, other), (2, other)], [(3, small), (1, small)], [], [(2, small)])
    crowd = msgspec.structs.replace(several.annotations[-1], iscrowd=1)
    truth = msgspec.structs.replace(several, annotations=[*several.annotations[:-1], crowd])
    of = truth.by_image()
    assert [type_of_image(of[i]) for i in (1, 2, 3, 4)] == [2, 1, None, None]
    images, types = types_of_images(truth)
    assert [image.id for image in images] == [1, 2, 3]  # the fourth has only an ignore region
    assert types.tolist() == [2, 1, 0]


def test_good_gets_the_remaining_probability(bench: Any) -> None:
    truth = bench.truth([], [(1, (0, 0, 3, 3))])
    found = [Prediction(2, 1, WHOLE, 0.7), Prediction(2, 3, WHOLE, 0.2), Prediction(9, 1, WHOLE, 0.5)]
    assert type_probabilities(truth.images, [1, 2, 3], found).round(6).tolist() == [
        [1, 0, 0, 0],
        [0.1, 0.7, 0, 0.2],
    ]


def test_a_category_named_good_is_distinguished_from_no_defect() -> None:
    assert type_names(["dent", "good"]) == ["good", "dent", "good (defect)"]


def test_a_run_is_measured_and_its_metrics_have_an_accuracy(bench: Any, tmp_path: Path) -> None:
    kinds, scores = drawn(40, 11)
    val_kinds, val_scores = drawn(20, 12)
    test, val = truth_of(bench, kinds), truth_of(bench, val_kinds, first=101)
    dataset = bench.dataset(tmp_path / "data", {"test": test, "val": val})
    stored = {"test": predictions_of(test, scores), "val": predictions_of(val, val_scores)}
    run = bench.run(tmp_path / "runs", "cls", dataset, stored)
    measured = measure_run(run, dataset)
    assert read_metrics(run.metrics) == measured
    right = int((scores.argmax(axis=1) == kinds).sum())
    in_file = msgspec.json.decode(run.metrics.read_bytes())
    assert in_file["accuracy"] == pytest.approx(right / 40)
    types = in_file["image_types"]
    assert types["names"] == ["good", *TYPES]
    low, high = types["intervals"]["accuracy"]
    assert low == pytest.approx(beta.ppf(0.025, right, 40 - right + 1))
    assert high == pytest.approx(beta.ppf(0.975, right + 1, 40 - right))
    for name in ("balanced_accuracy", "geometric_mean", "macro_f1", "auroc"):
        assert types["intervals"][name][0] <= types[name] <= types["intervals"][name][1]
    precision = sk.precision_score(kinds, scores.argmax(axis=1), average=None, labels=range(4), zero_division=0)
    assert [one["precision"] or 0 for one in types["types"]] == pytest.approx(precision.tolist())
    assert in_file["operating_point"]["chosen_on"] == "val"
    assert in_file["images"]["defective"] == int((kinds > 0).sum())
    assert in_file["boxes"] is None
    assert in_file["pixels"] is None
    text = run.metrics.with_suffix(".md").read_text()
    assert f"## Image types: {right} of 40 images right" in text
    assert "| geometric mean of recalls |" in text


def test_an_image_is_found_by_the_probability_of_any_defect(bench: Any, tmp_path: Path) -> None:
    """Three types of 0.3 are a defect of probability 0.9, although none of them is likely by itself."""
    test, val = (bench.truth(ALL[1], ALL[2], [], first=first) for first in (1, 11))
    scores = [(1, 1, 0.3), (1, 2, 0.31), (1, 3, 0.29), (2, 1, 0.1), (2, 2, 0.4), (3, 2, 0.5)]
    predictions = [Prediction(image, category, WHOLE, score) for image, category, score in scores]
    answers = image_answers(predictions, CLS)
    assert [(p.image_id, p.category_id) for p in answers] == [(1, 2), (2, 2), (3, 2)]
    assert [p.score for p in answers] == pytest.approx([0.9, 0.5, 0.5])
    several = Provides(image_types=True, several_types=True)
    assert image_answers(predictions, several) == image_answers(predictions, Provides(boxes=True)) == predictions
    dataset = bench.dataset(tmp_path / "data", {"val": val, "test": test})
    again = [msgspec.structs.replace(p, image_id=p.image_id + 10) for p in predictions]
    run = bench.run(tmp_path / "runs", "cls", dataset, {"val": again, "test": predictions})
    images = measure_run(run, dataset, operating_point="alarms<=0").images
    assert (images.missed, images.false_alarms) == (1, 0)
    assert images.score_threshold > 0.5
    assert [point[0] for point in images.curve] == pytest.approx([0.5, 0.9])


def test_other_runs_have_no_accuracy(bench: Any, tmp_path: Path) -> None:
    truth = bench.truth([(1, (0, 0, 5, 5))], [])
    dataset = bench.dataset(tmp_path / "data", {"test": truth})
    run = bench.run(tmp_path / "runs", "det", dataset, {"test": bench.perfect(truth)})
    measure_run(run, dataset)
    in_file = msgspec.json.decode(run.metrics.read_bytes())
    assert (in_file["accuracy"], in_file["image_types"]) == (None, None)


@pytest.mark.parametrize(
    ("scores", "problem"),
    [
        ([(1, 0.6), (1, 0.2)], r"\$\[1\] is a second score of category 1 for image 1"),
        ([(1, 0.6), (2, 0.5)], r"the scores of image 1 sum to 1\.100, more than 1"),
    ],
)
def test_scores_that_are_not_probabilities_are_refused(
    bench: Any, scores: list[tuple[int, float]], problem: str
) -> None:
    truth = bench.truth([])
    predictions = [Prediction(1, category, WHOLE, score) for category, score in scores]
    with pytest.raises(InputError, match=problem):
        check_predictions(Path("p.json"), truth, predictions, CLS)
    check_predictions(Path("p.json"), truth, predictions, Provides(boxes=True))
