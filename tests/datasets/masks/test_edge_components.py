import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from datasets.masks.component import components
from datasets.masks.edge_components import crop_edges, mask_components
from datasets.masks.edges import (
    edges_area,
    edges_box,
    edges_to_rle,
    edges_to_rles,
    join_edges,
    measure_edges,
    rle_to_edges,
)
from datasets.masks.rle import component_to_rle, encode

masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(masks, st.sampled_from([4, 8]))
def test_components_are_those_that_opencv_labels(mask: np.ndarray, connectivity: int) -> None:
    height, width = mask.shape
    found = mask_components(mask, connectivity)
    wanted = components(mask, connectivity=connectivity)
    assert [edges_box(edges, height) for edges in found] == [component.box for component in wanted]
    assert [edges_area(edges) for edges in found] == [component.area for component in wanted]
    assert measure_edges(found, [height] * len(found)) == [(component.box, component.area) for component in wanted]
    rles = [edges_to_rle(edges, height, width) for edges in found]
    assert [rle.counts for rle in rles] == [component_to_rle(c, height, width).counts for c in wanted]


@given(masks)
def test_run_lengths_say_the_same_as_edges(mask: np.ndarray) -> None:
    height, width = mask.shape
    rle = encode(mask)
    edges = rle_to_edges(rle)
    assert edges.tolist() == np.flatnonzero(np.diff(np.pad(mask.T.ravel(), 1).astype(np.int8))).tolist()
    assert edges_to_rle(edges, height, width).counts == rle.counts
    if mask.any():
        assert join_edges(mask_components(mask)).tolist() == edges.tolist()


@given(st.data(), st.integers(1, 12), st.integers(1, 12))
def test_masks_packed_together_are_as_pycocotools_packs_each(data: st.DataObject, height: int, width: int) -> None:
    some = data.draw(st.lists(hnp.arrays(np.bool_, (height, width)), max_size=5))
    wanted = [encode(mask) for mask in some]
    assert edges_to_rles([rle_to_edges(rle) for rle in wanted], height, width) == wanted


@given(st.lists(st.lists(st.integers(1, 4_000_000), max_size=6), min_size=1, max_size=3))
def test_long_runs_packed_together(runs: list[list[int]]) -> None:
    height, width = 2000, 20_000
    edges = [np.cumsum(r[: len(r) // 2 * 2], dtype=np.int64) for r in runs]
    counts = [np.diff(e, prepend=0, append=height * width).tolist() for e in edges]
    rles = [coco_mask.frPyObjects({"size": [height, width], "counts": c}, height, width) for c in counts]
    wanted = [rle["counts"].decode() for rle in rles]
    assert [rle.counts for rle in edges_to_rles(edges, height, width)] == wanted


@pytest.mark.parametrize(("connectivity", "number"), [(4, 18), (8, 1)])
def test_corners_join_only_eight_neighbours(connectivity: int, number: int) -> None:
    checkers = np.indices((6, 6)).sum(axis=0) % 2 == 0
    assert len(mask_components(checkers, connectivity)) == number


@pytest.mark.parametrize("turned", [False, True])
def test_a_serpentine_is_one_component(turned: bool) -> None:
    mask = np.zeros((41, 41), np.bool_)
    mask[::2] = True
    mask[1::4, -1] = True
    mask[3::4, 0] = True
    (edges,) = mask_components(mask.T if turned else mask, 4)
    assert edges_area(edges) == mask.sum()


@given(masks, st.tuples(*[st.integers(0, 3)] * 4))
def test_pixels_of_a_crop_lie_where_it_begins(crop: np.ndarray, around: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = around
    mask = np.pad(crop, ((top, bottom), (left, right)))
    edges = crop_edges(crop, left, top, *mask.shape)
    assert edges_to_rle(edges, *mask.shape).counts == encode(mask).counts


@given(masks, st.tuples(st.integers(-4, 4), st.integers(-4, 4)), st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_pixels_outside_the_picture_are_cut_off(
    crop: np.ndarray, first: tuple[int, int], size: tuple[int, int]
) -> None:
    wanted = np.zeros(size, np.bool_)
    for row, column in zip(*np.nonzero(crop), strict=True):
        x, y = first[0] + column, first[1] + row
        if 0 <= x < size[1] and 0 <= y < size[0]:
            wanted[y, x] = True
    edges = crop_edges(crop, *first, *size)
    assert edges_to_rle(edges, *size).counts == encode(wanted).counts
