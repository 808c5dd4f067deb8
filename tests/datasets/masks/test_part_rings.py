import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from datasets.masks.part_rings import part_rings

masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(lambda mask: mask.any())


def test_parts_that_touch_at_a_corner_are_apart_and_the_one_with_more_corners_is_first() -> None:
    mask = np.array([[1, 0, 0], [0, 1, 1], [0, 1, 0]], bool)
    first, second = part_rings(mask)
    assert first.shell.tolist() == [[1, 1], [1, 3], [2, 3], [2, 2], [3, 2], [3, 1]]
    assert second.shell.tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]]
    assert not first.holes + second.holes


def test_a_hole_belongs_to_the_part_around_it() -> None:
    mask = np.zeros((5, 9), bool)
    mask[0:3, 0:3] = mask[0:5, 4:9] = True
    mask[1, 1] = False
    found = {len(part.holes): part.shell.tolist() for part in part_rings(mask)}
    assert found[1] == [[0, 0], [0, 3], [3, 3], [3, 0]]
    assert found[0] == [[4, 0], [4, 5], [9, 5], [9, 0]]


@given(masks)
def test_rings_and_parts_are_in_the_order_of_shapelys_normalize(mask: NDArray[np.bool_]) -> None:
    squares = [shapely.box(x, y, x + 1, y + 1) for y, x in zip(*np.nonzero(mask), strict=True)]
    union = shapely.simplify(shapely.union_all(squares), 0).normalize()
    expected = list(getattr(union, "geoms", [union]))
    found = part_rings(mask)
    assert sorted(len(part.holes) for part in found) == sorted(len(part.interiors) for part in expected)
    rebuilt = [shapely.Polygon(part.shell, part.holes) for part in found]
    assert shapely.equals(shapely.MultiPolygon(rebuilt), union)
    again = shapely.MultiPolygon(rebuilt).normalize()
    assert [list(part.exterior.coords)[:-1] for part in again.geoms] == [
        list(map(tuple, part.shell.tolist())) for part in found
    ]
