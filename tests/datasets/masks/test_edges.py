import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from datasets.masks.component import Component, join_components, mask_to_component
from datasets.masks.edges import component_to_rle, components_to_rles, crop_edges, edges_to_rles, rle_to_component
from datasets.masks.rle import encode

masks = hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def edges_of(mask: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.diff(np.pad(mask.T.ravel(), 1).astype(np.int8)))


@given(st.data(), st.integers(1, 12), st.integers(1, 12))
def test_masks_packed_together_are_as_pycocotools_packs_each(data: st.DataObject, height: int, width: int) -> None:
    some = data.draw(st.lists(hnp.arrays(np.bool_, (height, width)), max_size=5))
    assert edges_to_rles([edges_of(mask) for mask in some], height, width) == [encode(mask) for mask in some]


@given(st.lists(st.lists(st.integers(1, 4_000_000), max_size=6), min_size=1, max_size=3))
def test_long_runs_packed_together(runs: list[list[int]]) -> None:
    height, width = 2000, 20_000
    edges = [np.cumsum(r[: len(r) // 2 * 2], dtype=np.int64) for r in runs]
    counts = [np.diff(e, prepend=0, append=height * width).tolist() for e in edges]
    rles = [coco_mask.frPyObjects({"size": [height, width], "counts": c}, height, width) for c in counts]
    wanted = [rle["counts"].decode() for rle in rles]
    assert [rle.counts for rle in edges_to_rles(edges, height, width)] == wanted


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 1)))
def test_small_masks_are_cropped_to_their_box(mask: np.ndarray) -> None:
    assume(mask.any())
    check_component(mask)


@given(st.integers(1, 2000), st.integers(1, 1500), st.data())
def test_long_runs_are_unpacked(height: int, width: int, data: st.DataObject) -> None:
    mask = np.zeros((height, width), np.uint8)
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    mask[y : data.draw(st.integers(y + 1, height)), x : data.draw(st.integers(x + 1, width))] = 1
    check_component(mask)


def check_component(mask: np.ndarray) -> None:
    component = rle_to_component(encode(mask))
    rows, columns = np.nonzero(mask)
    box = (columns.min(), rows.min(), columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min())
    assert component.box == box
    assert (component.pixels == mask[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].astype(bool)).all()
    assert component.area == mask.sum()


@given(masks)
def test_a_component_and_its_run_lengths_have_the_same_pixels(mask: np.ndarray) -> None:
    assume(mask.any())
    component = mask_to_component(mask)
    assert component_to_rle(component, *mask.shape) == encode(mask)
    assert components_to_rles([component, component], *mask.shape) == [encode(mask)] * 2


def test_joined_components_have_all_pixels_in_one_box() -> None:
    one, other = Component((4, 1, 2, 1), np.ones((1, 2), bool)), Component((1, 2, 1, 3), np.ones((3, 1), bool))
    joined = join_components([one, other])
    assert joined.box == (1, 1, 5, 4)
    rest = [[1, 0, 0, 0, 0]] * 3
    assert joined.pixels.astype(int).tolist() == [[0, 0, 0, 1, 1], *rest]
    assert join_components([one]) is one


@given(masks, st.tuples(*[st.integers(0, 3)] * 4))
def test_pixels_of_a_crop_are_placed_at_its_origin(crop: np.ndarray, around: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = around
    mask = np.pad(crop, ((top, bottom), (left, right)))
    edges = crop_edges(crop, left, top, *mask.shape)
    assert edges_to_rles([edges], *mask.shape) == [encode(mask)]


@given(masks, st.tuples(st.integers(-4, 4), st.integers(-4, 4)), st.tuples(st.integers(1, 8), st.integers(1, 8)))
def test_pixels_outside_the_image_are_cut_off(
    crop: np.ndarray, first: tuple[int, int], size: tuple[int, int]
) -> None:
    wanted = np.zeros(size, np.bool_)
    for row, column in zip(*np.nonzero(crop), strict=True):
        x, y = first[0] + column, first[1] + row
        if 0 <= x < size[1] and 0 <= y < size[0]:
            wanted[y, x] = True
    edges = crop_edges(crop, *first, *size)
    assert edges_to_rles([edges], *size) == [encode(wanted)]
