from itertools import combinations

import numpy as np
import pytest

from annotate.fixes import RawShape, fix_shapes
from datasets.masks.crossings import MAX_CROSSINGS, crosses_often


def crossings(ring: list[tuple[float, float]]) -> int:
    """Pairs of sides that cross, by the signs of four triangles."""
    sides = list(zip(ring, [*ring[1:], ring[0]], strict=True))

    def side(p: tuple[float, float], q: tuple[float, float], r: tuple[float, float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return sum(
        side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
        for (a, b), (c, d) in combinations(sides, 2)
    )


@pytest.mark.parametrize("corners", [4, 7, 40, 150])
def test_crossings_are_counted_as_far_as_the_limit(corners: int) -> None:
    random = np.random.default_rng(corners)
    ring = [(float(x), float(y)) for x, y in random.uniform(0, 100, (corners, 2))]
    count = crossings(ring)
    assert not crosses_often(ring, count)
    assert crosses_often(ring, count - 1) == (count > 0)


def test_a_long_outline_without_crossing_crosses_not_even_once() -> None:
    angle = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    assert not crosses_often(np.stack([np.cos(angle), np.sin(angle)], axis=1).tolist(), 0)


def test_a_scribble_is_left_for_a_person() -> None:
    random = np.random.default_rng(5)
    scribble: RawShape = {"label": "a", "points": random.uniform(0, 40, (2000, 2)).tolist()}
    assert crosses_often(scribble["points"], MAX_CROSSINGS)
    fixed, changed = fix_shapes([scribble], (40, 40), ["a"])
    assert (fixed, changed) == ([scribble], 0)
    angle = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    eight = np.stack([20 + 15 * np.sin(angle), 20 + 15 * np.sin(2 * angle)], axis=1).tolist()
    fixed, changed = fix_shapes([{"label": "a", "points": eight}], (40, 40), ["a"])
    assert changed == 1
    assert len(fixed) == 2
