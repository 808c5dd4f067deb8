"""Suspected label errors of hand-made predictions: each kind once, and what must not be suspected."""

from typing import Any

import msgspec
import numpy as np
import pytest

from datasets.coco import Annotation, CocoFile, Prediction
from evaluate.label_errors import LABEL_ERRORS, LabelErrors, suspects_of
from evaluate.label_suspects import Suspect, SuspectKind, agreed
from evaluate.measure import measure_run
from evaluate.metrics import read_metrics
from evaluate.pixel_suspects import pixel_suspects
from evaluate.run_folder import TASKS
from evaluate.tables import metrics_markdown
from evaluate.type_suspects import confident_errors

CHIP, CRACK = 1, 2
BOXES, MASKS = TASKS["det"], TASKS["seg"]


def ten_chips(bench: Any) -> tuple[CocoFile, list[Prediction]]:
    """Ten images with a chip and one with a crack, all found with 0.8, and a good image, number 12."""
    truth = bench.truth(*[[(CHIP, (4, 4, 12, 12))]] * 10, [(CRACK, (4, 4, 12, 12))], [])
    return truth, bench.perfect(truth, 0.8)


def without(predictions: list[Prediction], image: int) -> list[Prediction]:
    return [p for p in predictions if p.image_id != image]


def test_perfect_predictions_contradict_nothing(bench: Any) -> None:
    truth, predictions = ten_chips(bench)
    assert suspects_of(truth, predictions, MASKS) == []
    assert suspects_of(truth, [], MASKS) == []
    assert suspects_of(bench.truth([], []), [bench.prediction(1, CHIP, (1, 1, 9, 9), 0.9)], MASKS) == []


def test_a_confident_prediction_without_truth(bench: Any) -> None:
    truth, predictions = ten_chips(bench)
    predictions += [
        bench.prediction(12, CHIP, (20, 20, 10, 10), 0.9),
        bench.prediction(12, CHIP, (21, 21, 10, 10), 0.85),  # the same place again
        bench.prediction(12, CHIP, (1, 1, 6, 6), 0.63),  # below 0.8 of the mean of 0.8
        bench.prediction(1, CHIP, (6, 6, 4, 4), 0.95),  # a part of the chip that is labelled there
    ]
    (suspect,) = suspects_of(truth, predictions, BOXES)
    assert (suspect.kind, suspect.image, suspect.suspicion) == (SuspectKind.unlabelled, "012.png", 0.9)
    assert suspect.predicted == "chip"
    assert suspect.box == (20, 20, 10, 10)
    assert suspect.reason == "chip is predicted with 0.90 where nothing is labelled"


def test_inside_an_ignore_region_nothing_is_unlabelled(bench: Any) -> None:
    truth, predictions = ten_chips(bench)
    region = Annotation(900, 12, CHIP, (15, 15, 20, 20), 400, bench.mask((15, 15, 20, 20)), iscrowd=1)
    truth = msgspec.structs.replace(truth, annotations=[*truth.annotations, region])
    predictions.append(bench.prediction(12, CHIP, (20, 20, 10, 10), 0.9))
    assert suspects_of(truth, predictions, MASKS) == []


@pytest.mark.parametrize("provides", [BOXES, MASKS])
def test_an_annotation_inside_an_ignore_region_is_found(bench: Any, provides: Any) -> None:
    """The prediction that finds it is inside the region too; what is only inside the region is not unlabelled."""
    truth, predictions = ten_chips(bench)
    region = Annotation(900, 1, CHIP, (2, 2, 34, 20), 680, bench.mask((2, 2, 34, 20)), iscrowd=1)
    truth = msgspec.structs.replace(truth, annotations=[*truth.annotations, region])
    predictions.append(bench.prediction(1, CRACK, (24, 4, 10, 10), 0.9))
    assert suspects_of(truth, predictions, provides) == []
    (suspect,) = suspects_of(truth, without(predictions, 1), provides)
    assert (suspect.kind, suspect.image) == (SuspectKind.not_met, "001.png")


def test_a_truth_that_no_prediction_meets(bench: Any) -> None:
    """Nine of ten chips have 0.8 near them, so 0.72 is usual, and a fifth of it, 0.147, the limit."""
    truth, predictions = ten_chips(bench)
    met = [*without(predictions, 3), bench.prediction(3, CRACK, (10, 10, 12, 12), 0.17)]
    assert suspects_of(truth, met, BOXES) == []
    (suspect,) = suspects_of(truth, without(predictions, 3), BOXES)
    assert (suspect.kind, suspect.image, suspect.label) == (SuspectKind.not_met, "003.png", "chip")
    assert suspect.suspicion == pytest.approx(0.72)
    assert suspect.annotation == truth.annotations[2].id
    faint = [*without(predictions, 3), bench.prediction(3, CRACK, (10, 10, 12, 12), 0.14)]
    (suspect,) = suspects_of(truth, faint, BOXES)
    assert suspect.suspicion == pytest.approx((9 * 0.8 + 0.14) / 10 - 0.14)


def test_a_type_that_a_confident_prediction_contradicts(bench: Any) -> None:
    truth, predictions = ten_chips(bench)
    changed = [*without(predictions, 2), bench.prediction(2, CRACK, (4, 4, 12, 12), 0.85)]
    (suspect,) = suspects_of(truth, [*changed, bench.prediction(2, CHIP, (4, 4, 12, 12), 0.3)], BOXES)
    assert (suspect.kind, suspect.label, suspect.predicted) == (SuspectKind.other_type, "chip", "crack")
    assert suspect.suspicion == pytest.approx(0.55)
    as_good = [*changed, bench.prediction(2, CHIP, (4, 4, 12, 12), 0.9)]
    assert suspects_of(truth, as_good, BOXES) == []


def test_a_box_that_is_badly_placed(bench: Any) -> None:
    """Moved by half of its side: IoU 72 / 216 = 1/3, where the others have 1."""
    truth, predictions = ten_chips(bench)
    moved = [*without(predictions, 2), bench.prediction(2, CHIP, (10, 4, 12, 12), 0.9)]
    (suspect,) = suspects_of(truth, moved, BOXES)
    assert (suspect.kind, suspect.image) == (SuspectKind.badly_placed, "002.png")
    assert suspect.suspicion == pytest.approx(0.9 * 2 / 3)


def test_the_pixels_of_a_label_that_covers_half(bench: Any) -> None:
    """In image 1 the mask is twice as long: of its 12 x 12 further pixels, those beyond 3 pixels are counted."""
    truth = bench.truth(*[[(CHIP, (4, 4, 12, 12))]] * 10)
    predictions = [*without(bench.perfect(truth, 0.8), 1), bench.prediction(1, CHIP, (4, 4, 24, 12), 0.9)]
    (suspect,) = pixel_suspects(truth, predictions)
    assert (suspect.kind, suspect.image) == (SuspectKind.other_pixels, "001.png")
    assert suspect.suspicion == pytest.approx(0.9 * (9 * 12) / (24 * 12))
    assert "108 pixels outside it are predicted, 0 inside are not" in suspect.reason
    inner = [*without(bench.perfect(truth, 0.8), 1), bench.prediction(1, CHIP, (4, 4, 12, 6), 0.9)]
    assert pixel_suspects(truth, inner) == []  # of the 72 pixels not covered only 18 are inside by over 3


def test_a_model_that_is_mostly_wrong_is_not_trusted(bench: Any) -> None:
    """Of chips, five true and four false predictions are confident, then five and six; cracks stay trusted."""
    truth = bench.truth(*[[(CHIP, (4, 4, 12, 12))]] * 5, [(CRACK, (4, 4, 12, 12))], *[[]] * 6)
    true = bench.perfect(truth, 0.8)
    false = [bench.prediction(7 + n, CHIP, (20, 20, 9, 9), 0.9) for n in range(6)]
    crack = bench.prediction(12, CRACK, (1, 1, 9, 9), 0.9)
    assert len(suspects_of(truth, [*true, *false[:4]], BOXES)) == 4
    assert suspects_of(truth, [*true, *false], BOXES) == []
    assert [s.predicted for s in suspects_of(truth, [*true, *false, crack], BOXES)] == ["crack"]


def test_outlines_that_are_usual_for_the_run_are_not_suspected(bench: Any) -> None:
    """All masks are twice as long as their labels, so that of image 1 is as usual."""
    truth = bench.truth(*[[(CHIP, (4, 4, 12, 12))]] * 10)
    predictions = [bench.prediction(n, CHIP, (4, 4, 24, 12), 0.9) for n in range(1, 11)]
    assert pixel_suspects(truth, predictions) == []


def suspect(kind: SuspectKind, suspicion: float, **values: Any) -> Suspect:
    return Suspect(kind=kind, image="a.png", suspicion=suspicion, reason="", **values)


def test_several_runs_have_to_agree() -> None:
    here, there = (4.0, 4.0, 10.0, 10.0), (5.0, 5.0, 10.0, 10.0)
    first = [
        suspect(SuspectKind.unlabelled, 0.9, predicted="chip", box=here),
        suspect(SuspectKind.not_met, 0.8, annotation=7),
        suspect(SuspectKind.other_type, 0.7, annotation=8, predicted="crack"),
        suspect(SuspectKind.other_type, 0.6, annotation=9, predicted="crack"),
    ]
    second = [
        suspect(SuspectKind.unlabelled, 0.5, predicted="chip", box=there),
        suspect(SuspectKind.other_type, 0.9, annotation=8, predicted="stain"),
        suspect(SuspectKind.other_type, 0.9, annotation=9, predicted="crack"),
    ]
    assert [(s.kind, s.suspicion) for s in agreed([first, second])] == [
        (SuspectKind.other_type, 0.6),
        (SuspectKind.unlabelled, 0.5),
    ]
    assert [s.suspicion for s in agreed([first])] == [0.9, 0.8, 0.7, 0.6]


def test_an_annotation_is_listed_once() -> None:
    twice = [
        suspect(SuspectKind.badly_placed, 0.4, annotation=7),
        suspect(SuspectKind.other_type, 0.6, annotation=7),
    ]
    assert [s.kind for s in agreed([twice])] == [SuspectKind.other_type]


@pytest.mark.parametrize("seed", range(4))
def test_confident_learning_equals_a_computation_image_by_image(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.full(4, 0.4), 60)
    labels = np.where(random.random(60) < 0.8, scores.argmax(axis=1), random.integers(0, 4, 60))
    thresholds = {}
    for k in range(4):
        own = [row[k] for row, label in zip(scores, labels, strict=True) if label == k]
        thresholds[k] = sum(own) / len(own) if own else float("inf")
    expected = []
    for i, (row, label) in enumerate(zip(scores.tolist(), labels.tolist(), strict=True)):
        reached = [k for k in range(4) if row[k] >= thresholds[k]]
        counted = max(reached, key=lambda k: row[k]) if reached else label
        if counted != label and row.index(max(row)) != label:
            expected.append((i, counted))
    assert expected
    assert confident_errors(labels, scores) == expected


def test_a_classifier_lists_the_images_and_several_types_each(bench: Any) -> None:
    """Of chips, image 3 is predicted as a crack; the thresholds are the means 0.62 and 0.9."""
    truth = bench.truth(
        [(CHIP, (4, 4, 9, 9))], [(CHIP, (4, 4, 9, 9))], [(CHIP, (4, 4, 9, 9))], [(CRACK, (1, 1, 5, 5))]
    )
    scores = [(1, CHIP, 0.9), (2, CHIP, 0.9), (3, CHIP, 0.06), (3, CRACK, 0.92), (4, CRACK, 0.9)]
    predictions = [Prediction(i, k, (0, 0, 40, 40), s) for i, k, s in scores]
    (found,) = suspects_of(truth, predictions, TASKS["cls"])
    assert (found.kind, found.image, found.predicted) == (SuspectKind.image_type, "003.png", "crack")
    assert found.suspicion == pytest.approx(0.86)
    assert found.reason == "labelled chip (0.06) but looks like crack (0.92)"
    several = msgspec.structs.replace(TASKS["cls"], several_types=True)
    (only,) = suspects_of(truth, predictions, several)  # of the image without a chip, no chip has probability 1
    assert only.reason == "labelled no crack (0.08) but looks like crack (0.92)"


def test_a_run_stores_and_prints_the_list(tmp_path: Any, bench: Any) -> None:
    truth, predictions = ten_chips(bench)
    predictions.append(bench.prediction(12, CHIP, (20, 20, 10, 10), 0.9))
    dataset = bench.dataset(tmp_path / "d", {"val": bench.truth([], first=20), "test": truth})
    run = bench.run(tmp_path / "runs", "det", dataset, {"val": [], "test": predictions})
    measure_run(run, dataset)
    metrics = read_metrics(run.metrics)
    assert [s.image for s in metrics[LABEL_ERRORS].suspects] == ["012.png"]
    text = metrics_markdown(metrics)
    assert "## Suspected label errors: 1" in text
    assert "| 012.png | unlabelled defect | 0.90 | chip is predicted with 0.90 where nothing is labelled |" in text


@pytest.mark.parametrize(
    ("total", "stated"), [(9, "9"), (11, "11, the first 10; all are"), (12, "12, the first 10; the first 11")]
)
def test_the_title_of_the_table_states_how_many_are_stored(total: int, stated: str) -> None:
    listed = [
        Suspect(kind=SuspectKind.not_met, image=f"{k}.png", suspicion=0.5, reason="it is not met")
        for k in range(min(total, 11))
    ]
    (table,) = LABEL_ERRORS.tables(LabelErrors(total, 1, listed), {})
    assert table.title.startswith(f"Suspected label errors: {stated}")
    assert len(table.rows) == min(total, 10)
