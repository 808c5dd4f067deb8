"""Images with very many annotations: the pairs that matter are found without comparing all of them."""

from itertools import combinations

import numpy as np
import pytest

from datasets.check import annotations
from datasets.check.annotations import check_pairs
from datasets.check.facts import AnnotationFacts, Facts, ImageFacts

SIDE = 1000


def facts_of(boxes: list[list[float]], categories: list[str]) -> Facts:
    """One image with an annotation without mask for each box."""
    drawn = [
        AnnotationFacts(f"{i}", category, (x, y, w, h), w * h)
        for i, ((x, y, w, h), category) in enumerate(zip(boxes, categories, strict=True))
    ]
    return Facts(["a", "b"], [ImageFacts("image", "train", False, drawn, [], SIDE, SIDE)], is_split=False)


def overlap(one: list[float], other: list[float]) -> float:
    """Intersection over union, pixel by pixel."""
    painted = np.zeros((2, SIDE, SIDE), bool)
    for number, (x, y, w, h) in enumerate((one, other)):
        painted[number, int(y) : int(y + h), int(x) : int(x + w)] = True
    return float((painted[0] & painted[1]).sum() / (painted[0] | painted[1]).sum())


@pytest.mark.parametrize("count", [40, 130])
def test_the_same_pairs_are_found_with_and_without_arrays(count: int) -> None:
    random = np.random.default_rng(count)
    drawn = np.c_[random.integers(0, 60, (count, 2)), random.integers(5, 30, (count, 2))]
    boxes = [[*map(float, box)] for box in drawn]
    boxes[-1] = boxes[0]
    names = ["a" if i % 2 == 0 else "b" for i in range(count)]
    names[-1] = names[0]
    expected = {
        (i, j)
        for i, j in combinations(range(count), 2)
        if overlap(boxes[i], boxes[j]) >= (0.9 if names[i] == names[j] else 0.8)
    }
    found = check_pairs(facts_of(boxes, names).images)
    assert {tuple(map(int, finding.where.split(", "))) for finding in found} == expected
    assert (0, count - 1) in expected


def test_of_too_many_overlaps_the_first_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotations, "MAX_PAIRS", 7)
    found = check_pairs(facts_of([[0, 0, 9, 9]] * 70, ["a"] * 70).images)
    assert [f.code for f in found] == ["duplicate-annotation"] * 7 + ["many-overlaps"]
    monkeypatch.setattr(annotations, "MAX_PAIRS", 70 * 69 // 2)
    assert len(check_pairs(facts_of([[0, 0, 9, 9]] * 70, ["a"] * 70).images)) == 70 * 69 // 2
