"""Sums corrected for the images judged again, against sums over all images, and against plain counting."""

import random
from collections.abc import Callable
from typing import Any

MOVES = """(() => {
  const { images, moves } = argument0;
  const types = [{ name: "chip" }, { name: "dent" }];
  const model = (foldThresholds) => ({ threshold: 0.4, foldThresholds });
  const models = [model([]), model([0.3, 0.6])];
  const make = () => ({ images: structuredClone(images), types, models, hasTruth: true, judging: "defects" });
  const kept = make();
  const [tallies, facets] = [makeTallies(kept), makeFacetCounts(kept)];
  const tables = (sums, judged) => (m) => ["confusion", "types", "sizes"].map((key) => sums[key](judged, m));
  const curves = (data, { iou, by }) => (m) => [precisionRecall, confidenceCurve].map((f) => f(data, m, iou, by));
  const all = (data, judged, state, [sums, counts]) => structuredClone([sums.totals(judged),
    [0, 1].map(tables(sums, judged)), counts(judged, state), [0, 1].map(curves(data, state))]);
  let judged = [];
  return moves.map((move) => {
    const state = { costs: [100, 30], notes: {}, ...move };
    judged = judgeAll(kept, state, judged);
    const running = all(kept, judged, state, [tallies, facets]);
    const data = make();
    const fresh = judgeAll(data, state);
    const whole = all(data, fresh, state, [makeTallies(data), makeFacetCounts(data)]);
    const text = (value) => JSON.stringify(value, (_, one) => (one instanceof Map ? [...one] : one));
    const [[{ found, wrong, missed, alarms }], [[matrix, , sizes]], { kinds }] = running;
    return { same: text(running) === text(whole), found, wrong, missed, alarms, kinds: [...kinds],
      matrix: matrix.map((row) => row.map(({ count }) => count)), unfound: sizes.at(-1).at(-1).unfound.count };
  });
})()"""


def image(chance: random.Random, number: int) -> dict[str, Any]:
    """Up to three truths, each on its own place, and predictions of two runs; each overlaps at most one truth."""
    truths = [
        {"type": chance.randrange(2), "area": chance.choice([400, 4000, 40000])}
        for _ in range(chance.randrange(4))
    ]
    runs = []
    for _ in range(2):
        scores = sorted((round(chance.random(), 2) for _ in range(chance.randrange(6))), reverse=True)
        pairs = [
            [{"truth": chance.randrange(len(truths)), "boxes": chance.random(), "masks": chance.random()}]
            if truths and chance.random() < 0.8
            else []
            for _ in scores
        ]
        predictions = [{"type": chance.randrange(2), "score": score} for score in scores]
        runs.append({"predictions": predictions, "pairs": pairs})
    return {"index": number, "name": f"{number}.png", "judging": "defects", "folds": [None, 1 + number % 2],
            "truths": truths, "good": not truths, "runs": runs, "suspects": []}  # fmt: skip


def count(images: list[dict[str, Any]], threshold: float, iou: float, by: str) -> dict[str, int]:
    """Found, wrong, missed and false alarms of the first run, by greedy matching of equal types."""
    found = wrong = missed = alarms = 0
    for one in images:
        run = one["runs"][0]
        taken: set[int] = set()
        above = [k for k, p in enumerate(run["predictions"]) if p["score"] >= threshold]
        for k in above:
            fits = [
                pair["truth"] for pair in run["pairs"][k] if pair[by] >= iou and pair["truth"] not in taken
                and one["truths"][pair["truth"]]["type"] == run["predictions"][k]["type"]
            ]  # fmt: skip
            taken.update(fits)
            wrong += not fits
        found += len(taken)
        missed += not one["good"] and not above
        alarms += one["good"] and bool(above)
    return {"found": found, "wrong": wrong, "missed": missed, "alarms": alarms}


def test_after_any_moves_every_sum_is_that_over_all_images(javascript: Callable[..., Any]) -> None:
    chance = random.Random(5)
    images = [image(chance, number) for number in range(80)]
    state: dict[str, Any] = {"thresholds": [0.5, None], "iou": 0.5, "by": "boxes", "focus": 0, "pair": [0, 1]}
    moves = []
    for step in range(120):
        small, far = round(chance.uniform(-0.03, 0.03), 3), round(chance.uniform(0.1, 0.95), 2)
        key = chance.choice(["threshold", "threshold", "iou", "iou", "second", "by", "focus", "pair"])
        near = step % 3 > 0
        if key == "threshold":
            state = state | {"thresholds": [max(0.0, state["thresholds"][0] + small) if near else far,
                                            state["thresholds"][1]]}  # fmt: skip
        elif key == "iou":
            state = state | {"iou": min(0.95, max(0.1, state["iou"] + small)) if near else far}
        elif key == "second":
            state = state | {"thresholds": [state["thresholds"][0], chance.choice([None, far])]}
        elif key == "by":
            state = state | {"by": chance.choice(["boxes", "masks"])}
        elif key == "focus":
            state = state | {"focus": chance.randrange(2)}
        else:
            state = state | {"pair": chance.choice([[0, 1], [1, 0]])}
        moves.append(state)
    modules = "judge_all tallies filters curves confidence_curve"
    given = {"images": images, "moves": moves}
    for move, got in zip(moves, javascript(modules, MOVES, given), strict=True):
        assert got["same"], move
        expected = count(images, move["thresholds"][0], move["iou"], move["by"])
        assert {key: got[key] for key in expected} == expected
        truths = sum(len(one["truths"]) for one in images)
        assert got["unfound"] == truths - expected["found"]
        assert sum(sum(row) for row in got["matrix"][:-1]) == truths
        kinds = dict(got["kinds"])
        assert kinds["good"] == sum(one["good"] for one in images)
        if move["focus"] == 0:
            assert (kinds["missed"], kinds["alarm"]) == (expected["missed"], expected["alarms"])
