import math

import numpy as np
import pytest

from datasets.coco import Annotation, Category, CocoFile, Image
from train_seg.sizes import TypeSize, likeliest_type, type_evidence, usual_sizes

CATEGORIES = [Category(7, "dirt"), Category(4, "chip")]  # not in id order


def truth(chips: list[float], dirt: list[float]) -> CocoFile:
    """Annotations of 100 x 50 images, areas as shares of a square of 100 x 100."""
    images = [Image(1, "a.png", 100, 50), Image(2, "b.png", 50, 100)]
    areas = [(4, area) for area in chips] + [(7, area) for area in dirt]
    annotations = [
        Annotation(i, 1 + i % 2, category, (0, 0, 1, 1), 10_000 * area)
        for i, (category, area) in enumerate(areas, 1)
    ]
    return CocoFile(images, annotations, CATEGORIES)


def test_sizes_are_median_and_spread_of_logarithms_and_one_sliver_moves_neither() -> None:
    chips = [math.exp(v) for v in (-4.0, -3.0, -2.0, -1.0, -12.0)]
    chip, dirt = usual_sizes(truth(chips, [0.1] * 5))
    assert chip.median == -3  # of -12, -4, -3, -2, -1
    assert chip.spread == pytest.approx(1.4826, abs=1e-4)  # distances 9, 1, 0, 1, 2
    assert (dirt.median, dirt.spread) == (pytest.approx(math.log(0.1), abs=1e-4), 0.4)


def test_four_examples_of_a_type_give_no_sizes() -> None:
    assert usual_sizes(truth([0.1] * 5, [0.1] * 4)) == []
    assert usual_sizes(truth([0.1] * 5, [0.1] * 4 + [0.0])) == []


def test_types_of_equal_sizes_are_distinguished_by_the_pixels_alone() -> None:
    same = [TypeSize(-3, 0.5)] * 2
    for votes in ([6.0, 4.0], [4.0, 6.0]):
        for area in (1e-5, 0.05, 0.9):
            assert likeliest_type(np.array(votes), area, same) == likeliest_type(np.array(votes), area, [])


def test_pixels_and_size_are_weighed_as_bayes_would() -> None:
    """Two deviations from one type, none from the other, equal spreads: e^2 to 1, undone by votes above that."""
    sizes = [TypeSize(-3, 0.5), TypeSize(-4, 0.5)]
    odds = math.exp(2)
    assert likeliest_type(np.array([1.01 * odds, 1.0]), math.exp(-4), sizes) == 0
    assert likeliest_type(np.array([0.99 * odds, 1.0]), math.exp(-4), sizes) == 1


def test_no_vote_at_all_is_decided_by_size() -> None:
    assert likeliest_type(np.zeros(2), math.exp(-4), [TypeSize(-3, 0.5), TypeSize(-4, 0.5)]) == 1


def test_evidence_is_a_share_of_the_likeliest() -> None:
    assert type_evidence(np.array([6.0, 3.0, 0.0]), 0.1, []).tolist() == [1, 0.5, 0]
    assert type_evidence(np.zeros(2), 0.1, []).tolist() == [0, 0]
    sizes = [TypeSize(-3, 0.5), TypeSize(-4, 0.5)]
    # of equal votes: one spread is 0.5, so the area of the first is two of them away from the second
    assert type_evidence(np.array([1.0, 1.0]), math.exp(-3), sizes) == pytest.approx([1, math.exp(-2)])
