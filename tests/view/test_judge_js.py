"""The page's own functions, in the browser: matching by the cases shared with evaluate/, masks, address."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from datasets.masks.rle import encode
from view.data import MIN_OVERLAP

CASES = json.loads((Path(__file__).parent.parent / "evaluate" / "matching_cases.json").read_text())["cases"]
MATCH = """(() => {
  const { truths, run, threshold, iou, anyType } = argument0;
  return matchPredictions(truths, run, countAbove(run.predictions, threshold), iou, "boxes", anyType);
})()"""


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_shared_matching_cases(case: dict[str, Any], javascript: Callable[..., Any]) -> None:
    order = sorted(range(len(case["predictions"])), key=lambda i: -case["predictions"][i]["score"])
    run = {
        "predictions": [
            {"type": case["predictions"][i]["category_id"], "score": case["predictions"][i]["score"]}
            for i in order
        ],
        "pairs": [
            [{"truth": j, "boxes": iou} for j, iou in enumerate(case["ious"][i]) if iou >= MIN_OVERLAP]
            for i in order
        ],
    }
    truths = [{"type": a["category_id"]} for a in case["annotations"]]
    given = {"truths": truths, "run": run, "threshold": case["score_threshold"], "iou": case["iou_threshold"],
             "anyType": case["any_type"]}  # fmt: skip
    met = javascript("judge", MATCH, given)
    assert [[order[p], t] for p, t in enumerate(met) if t >= 0] == case["expected"]["tp"]
    assert [order[p] for p, t in enumerate(met) if t < 0] == case["expected"]["fp"]
    assert sorted(set(range(len(truths))) - set(met)) == case["expected"]["fn"]


REUSED = """(() => {
  const { images, ious } = argument0;
  const models = [{ threshold: 0.2, foldThresholds: [] }];
  const copy = () => ({ images: structuredClone(images), types: [0, 1], models });
  const plain = (judged) => judged[0].map(({ kinds, types, crossed, ...one }) => one);
  const kept = copy();
  let [judged, reused, wrong] = [[], 0, []];
  for (const iou of ious) {
    for (const by of ["boxes", "masks"]) {
      const state = { iou, by, thresholds: [null] };
      const before = judged[0] ?? [];
      const last = before.map((one) => one.by);
      judged = judgeAll(kept, state, judged);
      reused += judged[0].filter((one, i) => one === before[i] && last[i] === by).length;
      const fresh = copy();
      const expected = judgeAll(fresh, state);
      const crossed = (data, ones) => ones[0].map((one, i) => crossType(data.images[i], 0, one));
      const matches = (data) => [...rankedMatches(data, 0, iou, by)];
      const all = (data, ones) => JSON.stringify([plain(ones), crossed(data, ones), matches(data)]);
      if (all(kept, judged) !== all(fresh, expected)) wrong.push([iou, by]);
    }
    judged = judgeAll(kept, { iou, by: "boxes", thresholds: [null] }, judged);
  }
  return { reused, wrong };
})()"""


def test_a_judgement_is_reused_only_where_another_iou_changes_nothing(javascript: Callable[..., Any]) -> None:
    """Overlaps are multiples of 0.05, so that thresholds meet them exactly; some images have an ignore region."""
    chance = random.Random(0)
    images = []
    for number in range(60):
        truths = [{"type": chance.randrange(2), "box": [0, 0, 9, 9]} for _ in range(chance.randrange(4))]
        scores = sorted((chance.random() for _ in range(chance.randrange(6))), reverse=True)
        overlap = {"boxes": lambda: chance.randrange(21) / 20, "masks": lambda: chance.randrange(21) / 20}
        pairs = [
            [
                {"truth": t, **{by: f() for by, f in overlap.items()}}
                for t in range(len(truths))
                if chance.random() < 0.6
            ]
            for _ in scores
        ]
        run: dict[str, Any] = {
            "predictions": [{"type": chance.randrange(2), "score": score} for score in scores],
            "pairs": pairs,
        }
        if number % 3 == 0:
            run["inside"] = [[{"type": 0, **{by: f() for by, f in overlap.items()}}] for _ in scores]
        images.append({"truths": truths, "runs": [run], "good": not truths, "judging": "defects", "folds": [None]})
    ious = [0.5, 0.51, 0.54, 0.55, 0.1, 0.1001, 0.95, 0.93, 1, 0.9999, 0.3, 0.29, 0.3]
    found = javascript("judge_all matches", REUSED, {"images": images, "ious": ious})
    assert found["wrong"] == []
    assert found["reused"] > 200


def test_verdicts(javascript: Callable[..., Any]) -> None:
    image = {
        "good": False,
        "truths": [{"type": 0}, {"type": 1}, {"type": 0}, {"type": 2}],
        "runs": [
            {
                "predictions": [
                    {"type": t, "score": s} for t, s in ((0, 0.9), (0, 0.8), (0, 0.7), (0, 0.6), (2, 0.5))
                ],
                "pairs": [
                    [{"truth": 0, "boxes": 0.8}],
                    [{"truth": 0, "boxes": 0.6}],
                    [{"truth": 1, "boxes": 0.7}],
                    [{"truth": 2, "boxes": 0.3}],
                    [],
                ],
            }
        ],
    }
    found = javascript("judge", 'judgeImage(argument0, 0, 4, 0.5, "boxes")', image)
    assert found["predictionVerdicts"] == ["right", "found twice", "wrong type", "poorly located"]
    assert found["truthVerdicts"] == ["right", "wrong type", "poorly located", "missed"]
    assert (found["right"], found["wrong"], found["unfound"]) == (1, 3, 3)
    assert not found["miss"]
    assert javascript("judge", 'judgeImage(argument0, 0, 0, 0.5, "boxes")', image)["miss"]
    with_last = javascript("judge", 'judgeImage(argument0, 0, 5, 0.5, "boxes")', image)
    assert with_last["predictionVerdicts"][-1] == "nothing there"


KEPT = """(() => {
  const first = judgeAll(argument0, { iou: 0.5, by: "boxes", thresholds: [0.5] });
  const moved = judgeAll(argument0, { iou: 0.5, by: "boxes", thresholds: [0.4] }, first);
  const nearer = judgeAll(argument0, { iou: 0.6, by: "boxes", thresholds: [0.4] }, moved);
  const kept = (a, b) => a[0].map((one, i) => one === b[0][i]);
  const right = ([run]) => run.map((one) => one.right);
  return [kept(first, moved), kept(moved, nearer), [first, moved, nearer].map(right)];
})()"""


def test_only_images_of_which_something_changes_are_judged_again(javascript: Callable[..., Any]) -> None:
    def image(*scores: float) -> dict[str, Any]:
        predictions = [{"type": 0, "score": s} for s in scores]
        pairs = [[{"truth": 0, "boxes": 0.55}]] + [[] for _ in scores[1:]]
        run = {"predictions": predictions, "pairs": pairs}
        return {"good": False, "folds": [None], "truths": [{"type": 0}], "runs": [run]}

    data = {
        "models": [{"foldThresholds": [], "threshold": 0.5}],
        "images": [image(0.9, 0.45), image(0.8, 0.3), image(0.42)],
    }
    kept, kept_after_iou, right = javascript("judge_all", KEPT, data)
    assert kept == [False, True, False]
    assert kept_after_iou == [False, False, False]
    assert right == [[1, 1, 0], [1, 1, 1], [0, 0, 0]]


DRAW = """(() => {
  const [counts, width, height] = argument0;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.fill(new Path2D(loopsPath(outlineLoops(counts, height))), "evenodd");
  const data = context.getImageData(0, 0, width, height).data;
  return Array.from({ length: width * height }, (_, i) => data[4 * i + 3]);
})()"""


@pytest.mark.parametrize("seed", range(6))
def test_outlines_fill_exactly_the_pixels_of_the_mask(seed: int, javascript: Callable[..., Any]) -> None:
    chance = np.random.default_rng(seed)
    height, width = (int(v) for v in chance.integers(1, 60, 2))
    mask = (chance.random((height, width)) < (0.1, 0.5, 0.9, 1.0, 0.6, 0.02)[seed]).astype(np.uint8)
    drawn = javascript("decode", DRAW, [encode(mask).counts, width, height])
    assert np.array_equal(np.reshape(drawn, (height, width)), 255 * mask)


def test_run_lengths_of_large_images(javascript: Callable[..., Any]) -> None:
    mask = np.zeros((9000, 12000), np.uint8, order="F")
    mask[4000:8000, 11000:11500] = 1
    runs = javascript("decode", "runLengths(argument0)", encode(mask).counts)
    assert sum(runs) == mask.size
    assert sum(runs[1::2]) == coco_mask.area(coco_mask.encode(mask))
    assert runs[:3] == [11000 * 9000 + 4000, 4000, 5000]


def test_address_keeps_what_differs_and_leaves_out_nonsense(javascript: Callable[..., Any]) -> None:
    start = {
        "tab": "images",
        "thresholds": [0.5],
        "iou": 0.5,
        "show": [],
        "types": [],
        "cell": None,
        "falling": False,
    }
    now = start | {
        "thresholds": [0.123456789],
        "show": ["missed", "good"],
        "types": [1],
        "cell": ["confusion", 0, 2],
    }
    address = javascript("state", "writeAddress(argument0, argument1)", now, start)
    assert "tab" not in address
    back = javascript("state", "readAddress('#' + argument0, argument1)", address, start)
    assert start | back == now
    nonsense = "#iou=%22a%22&thresholds=[1,2]&types=[%22x%22]&unknown=1&cell=7&show={&falling=1"
    assert javascript("state", "readAddress(argument0, argument1)", nonsense, start) == {}
    outside = start | {"by": "boxes", "focus": 0, "opacity": 0.5}
    address = "#iou=7&by=circles&focus=1&tab=secrets&opacity=-1"
    assert javascript("state", "readAddress(argument0, argument1)", address, outside) == {}


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("a/b-1.png", "a/b-1.png"),
        ("a b.png", "'a b.png'"),
        ("it's.png", "'it'\\''s.png'"),
        ("$(rm).png", "'$(rm).png'"),
    ],
)
def test_shell_words(name: str, quoted: str, javascript: Callable[..., Any]) -> None:
    assert javascript("format", "shellWord(argument0)", name) == quoted
