import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from datasets.coco import Annotation, Category, CocoFile, Image, Prediction
from evaluate.average_precision import coco_eval
from evaluate.matching import box_ious, match, match_boxes

CASES = json.loads((Path(__file__).parent / "matching_cases.json").read_text())["cases"]


def _parts(case: dict[str, Any]) -> tuple[list[Prediction], list[Annotation]]:
    predictions = [Prediction(1, p["category_id"], tuple(p["bbox"]), p["score"]) for p in case["predictions"]]
    annotations = [
        Annotation(i, 1, a["category_id"], tuple(a["bbox"]), a["bbox"][2] * a["bbox"][3])
        for i, a in enumerate(case["annotations"])
    ]
    return predictions, annotations


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_shared_cases(case: dict[str, Any]) -> None:
    predictions, annotations = _parts(case)
    ious = np.array(case["ious"], float).reshape(len(predictions), len(annotations))
    thresholds = {k: case[k] for k in ("score_threshold", "iou_threshold", "any_type")}
    matches = match(ious, predictions, annotations, **thresholds)
    expected = case["expected"]
    assert [list(pair) for pair in matches.pairs] == expected["tp"]
    assert matches.false == expected["fp"]
    assert matches.missed == expected["fn"]
    if case["from_boxes"]:
        boxes = box_ious([p.bbox for p in predictions], [a.bbox for a in annotations])
        assert boxes == pytest.approx(ious, abs=1e-12)
        assert match_boxes(predictions, annotations, **thresholds) == matches


def test_the_shared_cases_cover_both_sorts() -> None:
    assert {c["from_boxes"] for c in CASES} == {True, False}
    assert {c["any_type"] for c in CASES} == {True, False}


BOX = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20))


@given(st.lists(BOX, max_size=6), st.lists(BOX, max_size=6))
def test_box_iou_is_that_of_pycocotools(first: list[Any], second: list[Any]) -> None:
    theirs = (
        coco_mask.iou(np.array(first, float), np.array(second, float), [0] * len(second))
        if first and second
        else []
    )
    assert box_ious(first, second) == pytest.approx(np.reshape(theirs, (len(first), len(second))), abs=1e-12)


@given(
    st.lists(st.tuples(st.integers(1, 2), BOX, st.integers(0, 5)), max_size=8),
    st.lists(st.tuples(st.integers(1, 2), BOX), max_size=6),
    st.sampled_from([0.5, 0.75]),
)
def test_matches_are_those_of_cocoeval(predicted: list[Any], annotated: list[Any], iou_threshold: float) -> None:
    predictions = [Prediction(1, c, box, level / 5) for c, box, level in predicted]
    annotations = [Annotation(i + 1, 1, c, box, box[2] * box[3]) for i, (c, box) in enumerate(annotated)]
    truth = CocoFile([Image(1, "a.png", 60, 60)], annotations, [Category(1, "a"), Category(2, "b")])
    done = coco_eval(truth, predictions, "bbox")
    t = list(done.params.iouThrs).index(iou_threshold)
    theirs = {
        (int(number) - 1, int(met) - 1)
        for e in (done.evalImgs[0], done.evalImgs[4])
        if e
        for number, met in zip(e["dtIds"], e["dtMatches"][t], strict=True)
        if met
    }
    ours = match_boxes(predictions, annotations, score_threshold=0, iou_threshold=iou_threshold)
    assert set(ours.pairs) == theirs


@given(st.lists(st.tuples(BOX, st.floats(0, 1)), max_size=8), st.lists(BOX, max_size=6), st.floats(0, 1))
def test_every_prediction_and_annotation_is_counted_once(
    predicted: list[Any], annotated: list[Any], threshold: float
) -> None:
    predictions = [Prediction(1, 1, box, score) for box, score in predicted]
    annotations = [Annotation(i, 1, 2, box, 1) for i, box in enumerate(annotated)]
    matches = match_boxes(predictions, annotations, score_threshold=threshold, iou_threshold=0.1, any_type=True)
    kept = [i for i, p in enumerate(predictions) if p.score >= threshold]
    assert sorted([i for i, _ in matches.pairs] + matches.false) == kept
    assert sorted([j for _, j in matches.pairs] + matches.missed) == list(range(len(annotations)))
