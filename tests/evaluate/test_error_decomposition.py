# ruff: noqa: SIM300 - it takes attributes such as AP for constants
import contextlib
import io
from typing import Any

import msgspec
import numpy as np
import pytest

from datasets.coco import CocoFile, Prediction
from evaluate.average_precision import instance_measures
from evaluate.bootstrap import draw_images
from evaluate.error_decomposition import ErrorKind, decompose
from evaluate.errors_of_instances import INSTANCE_ERRORS
from evaluate.measure import measure_run
from evaluate.tables import metrics_markdown

A, B, HALF, FAR = (0, 0, 10, 10), (20, 0, 10, 10), (0, 0, 10, 4), (0, 25, 10, 10)


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_one_error_of_each_kind(bench: Any, iou_type: Any) -> None:
    """Without its only error, every case is perfect: AP50 is 1 then."""
    one = bench.truth([(1, A)], types=["chip", "crack"])
    two = bench.truth([(1, A), (1, B)], types=["chip", "crack"])
    both = bench.truth([(1, A), (2, FAR)], types=["chip", "crack"])
    right = bench.prediction(1, 1, A, 0.5)
    half = 51 / 101  # precision 1 up to recall 0.5: 51 of 101 recall points
    cases = {
        "wrong_type": (one, [bench.prediction(1, 2, A, 0.9)], 0),
        "badly_placed": (one, [bench.prediction(1, 1, HALF, 0.9)], 0),
        # the crack is found behind a false one: AP50 0.5; the chip has 1
        "both": (both, [bench.prediction(1, 2, HALF, 0.9), bench.prediction(1, 2, FAR, 0.6), right], 0.75),
        # right, false, right: precision 1 up to recall 0.5, then 2 of 3
        "duplicate": (two, [bench.prediction(1, 1, A, 0.9), right, bench.prediction(1, 1, B, 0.3)],
                      (51 + 50 * 2 / 3) / 101),
        "background": (one, [bench.prediction(1, 1, FAR, 0.9), right], 0.5),
        "missed": (two, [right], half),
    }  # fmt: skip
    for kind, (truth, predictions, base) in cases.items():
        found = decompose(truth, predictions, iou_type)
        assert {name: e.count for name, e in found.errors.items() if e.count} == {kind: 1}
        assert found.AP50 == pytest.approx(base), kind
        assert found.errors[kind].gain == pytest.approx(1 - base), kind


def test_of_two_predictions_that_could_be_fixed_the_higher_score_is_and_the_other_is_dropped(bench: Any) -> None:
    truth = bench.truth([(1, A), (1, B)], types=["chip"])
    predictions = [
        bench.prediction(1, 1, HALF, 0.9),
        bench.prediction(1, 1, (0, 6, 10, 4), 0.8),
        bench.prediction(1, 1, B, 0.7),
    ]
    found = decompose(truth, predictions, "bbox")
    # now: two false before one right of two: precision 1/3 up to recall 0.5; fixed: both right, nothing false
    assert found.AP50 == pytest.approx(51 / 101 / 3)
    assert found.errors["badly_placed"].count == 2
    assert found.errors["badly_placed"].gain == pytest.approx(1 - 51 / 101 / 3)
    assert found.errors["missed"].count == 0  # a badly placed prediction would find it


def test_ignore_regions_are_not_errors_and_good_images_have_background_errors_only(bench: Any) -> None:
    truth = bench.truth([(1, A), (1, B)], [], types=["chip"])
    region = msgspec.structs.replace(truth.annotations[1], iscrowd=1)
    truth = msgspec.structs.replace(truth, annotations=[truth.annotations[0], region])
    inside, alarm = bench.prediction(1, 1, B, 0.9), bench.prediction(2, 1, A, 0.8)
    for iou_type in ("bbox", "segm"):
        found = decompose(truth, [inside, alarm, bench.prediction(1, 1, A, 0.5)], iou_type)
        assert found.AP50 == pytest.approx(0.5)
        assert {name: e.count for name, e in found.errors.items() if e.count} == {"background": 1}
        assert found.errors["background"].gain == pytest.approx(0.5)


def test_without_predictions_all_is_missed_and_without_annotations_there_is_no_ap(bench: Any) -> None:
    nothing = decompose(bench.truth([(1, A), (2, B)]), [], "bbox")
    assert nothing.AP50 == 0
    assert (nothing.errors["missed"].count, nothing.errors["missed"].gain) == (2, 1)
    good = decompose(bench.truth([]), [bench.prediction(1, 1, A, 0.9)], "bbox")
    assert good.AP50 is None
    assert good.errors["background"].gain == 0


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(4))
def test_equals_hotcoco_and_pycocotools(bench: Any, iou_type: Any, seed: int) -> None:
    """Random predictions with errors of all kinds; AP50 equals pycocotools', the errors equal hotcoco's."""
    hotcoco = pytest.importorskip("hotcoco")
    truth, predictions = noisy(bench, seed)
    found = decompose(truth, predictions, iou_type)
    measures = instance_measures(truth, predictions, iou_type, draw_images(len(truth.images), 0, 1))
    assert found.AP50 == pytest.approx(measures.AP50)
    theirs = hotcoco_errors(hotcoco, truth, predictions, iou_type)
    names = dict(zip(("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"), ErrorKind, strict=True))
    assert {k.name: theirs["counts"][n] for n, k in names.items()} == {n: e.count for n, e in found.errors.items()}
    gains = {name: e.gain for name, e in found.errors.items()}
    assert {k.name: max(0, theirs["delta_ap"][n]) for n, k in names.items()} == pytest.approx(gains)
    assert sum(e.count > 0 for e in found.errors.values()) >= 5
    assert sum(e.gain > 0 for e in found.errors.values()) >= 3


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_equal_scores_are_ranked_as_by_pycocotools(bench: Any, iou_type: Any) -> None:
    """Of equal scores the first in the file is first: an alarm before the right one halves the precision."""
    one = bench.truth([(1, A)], types=["chip"])
    alarm, right = bench.prediction(1, 1, FAR, 0.9), bench.prediction(1, 1, A, 0.9)
    assert decompose(one, [alarm, right], iou_type).AP50 == pytest.approx(0.5)
    assert decompose(one, [right, alarm], iou_type).AP50 == pytest.approx(1)
    for seed in range(8):
        truth, predictions = noisy(bench, seed)
        predictions = [msgspec.structs.replace(p, score=round(p.score, 1)) for p in predictions]
        random = np.random.default_rng(seed).permutation(len(predictions))
        predictions = [predictions[i] for i in random]
        measures = instance_measures(truth, predictions, iou_type, draw_images(len(truth.images), 0, 1))
        assert decompose(truth, predictions, iou_type).AP50 == pytest.approx(measures.AP50)


def noisy(bench: Any, seed: int) -> tuple[CocoFile, list[Prediction]]:
    """16 images with up to 3 annotations of 3 types; predictions shifted, of a wrong type, twice, on nothing."""
    rng = np.random.default_rng(seed)
    content: list[list[Any]] = []
    for n in range(16):
        boxes = [(k * 13, *rng.integers(0, 25, 1), *rng.integers(8, 12, 2)) for k in range(n % 4)]
        content.append([(int(rng.integers(1, 4)), tuple(int(v) for v in box)) for box in boxes])
    truth = bench.truth(*content)
    predictions = []
    for a in truth.annotations:
        x, y, w, h = (int(v) for v in a.bbox)
        for _ in range(int(rng.integers(0, 4))):
            shift = int(rng.integers(0, 7))
            type_id = a.category_id if rng.random() < 0.7 else int(rng.integers(1, 4))
            predictions.append(bench.prediction(a.image_id, type_id, (x, y + shift, w, h), rng.random()))
    for image in truth.images:
        box = tuple(int(v) for v in (*rng.integers(0, 30, 2), *rng.integers(3, 9, 2)))
        predictions.append(bench.prediction(image.id, int(rng.integers(1, 4)), box, rng.random()))
    return truth, predictions


def hotcoco_errors(hotcoco: Any, truth: CocoFile, predictions: list[Prediction], iou_type: str) -> dict[str, Any]:
    def mask(shape: Any) -> dict[str, Any]:
        return {"size": list(shape.segmentation.size), "counts": shape.segmentation.counts}

    index = hotcoco.COCO({
        "images": [{"id": i.id, "width": i.width, "height": i.height} for i in truth.images],
        "categories": [{"id": c.id, "name": c.name} for c in truth.categories],
        "annotations": [
            {"id": n, "image_id": a.image_id, "category_id": a.category_id, "bbox": list(a.bbox), "area": a.area,
             "iscrowd": 0, "segmentation": mask(a)}
            for n, a in enumerate(truth.annotations, 1)
        ],
    })  # fmt: skip
    results = [
        {"image_id": p.image_id, "category_id": p.category_id, "score": p.score}
        | ({"bbox": list(p.bbox)} if iou_type == "bbox" else {"segmentation": mask(p)})
        for p in predictions
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = hotcoco.COCOeval(index, index.load_res(results), iou_type)
        evaluation.evaluate()
        errors: dict[str, Any] = evaluation.tide_errors()
    return errors


def test_a_run_reports_the_kinds_and_what_would_help(bench: Any, tmp_path: Any) -> None:
    truth = bench.truth([(1, A)], [(1, B)], [], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    run = bench.run(tmp_path, "seg", dataset, {"test": [bench.prediction(1, 1, A, 0.9)]})
    metrics = measure_run(run, dataset)
    errors = metrics[INSTANCE_ERRORS]
    assert errors.boxes == errors.masks
    assert INSTANCE_ERRORS.fold_numbers(errors)["masks gain, missed"] == pytest.approx(50 / 101)
    page = metrics_markdown(metrics)
    assert "| missed | 1 | 0.495 | 1 | 0.495 |" in page
    assert "Fewer errors of the kind 'missed' would help most: 1 cost 0.495 AP50 of masks" in page
    detector = measure_run(bench.run(tmp_path, "det", dataset, {"test": bench.perfect(truth)}), dataset)
    assert detector[INSTANCE_ERRORS].masks is None
    assert "No single kind of error of boxes costs 0.01 AP or more." in metrics_markdown(detector)
