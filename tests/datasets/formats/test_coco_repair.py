import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datasets.coco import Annotation, CocoFile, Image, Rle, Segmentation
from datasets.formats.coco_repair import boxes_agree, repair_annotation, repair_annotations
from datasets.masks.rle import encode, rle_area, rle_box

IMAGE = Image(1, "a.png", 64, 48)
SQUARE = [10, 8, 30, 8, 30, 20, 10, 20]


def square_mask(x: int, y: int, w: int, h: int) -> Rle:
    mask = np.zeros((48, 64), np.uint8)
    mask[y : y + h, x : x + w] = 1
    return encode(mask)


def annotate(box: tuple[float, ...], area: float, segmentation: Segmentation) -> Annotation:
    x, y, w, h = box
    return Annotation(7, 1, 1, (x, y, w, h), area, segmentation)


@pytest.mark.parametrize("segmentation", [[SQUARE], square_mask(10, 8, 20, 12)])
@pytest.mark.parametrize(
    ("box", "area", "codes", "expected"),
    [
        ((10, 8, 20, 12), 240, [], ((10, 8, 20, 12), 240)),
        ((9, 7, 22, 14), 200, [], ((9, 7, 22, 14), 200)),  # a loose box and an area that differs are not faults
        ((10, 8, 19, 11), 240, [], ((10, 8, 19, 11), 240)),  # the difference of the outermost pixels
        ((10, 8, 30, 20), 240, ["box-from-mask"], ((10, 8, 20, 12), 240)),  # x1, y1, x2, y2
        ((40, 30, 20, 12), 240, ["box-from-mask"], ((10, 8, 20, 12), 240)),  # somewhere else
        ((10, 8, 20, 12), 3072, ["area-recomputed"], ((10, 8, 20, 12), 240)),  # the area of the image
        ((10, 8, 20, 12), -1, ["area-recomputed"], ((10, 8, 20, 12), 240)),
        ((10, 8, 30, 20), 3072, ["box-from-mask", "area-recomputed"], ((10, 8, 20, 12), 240)),
    ],
)
def test_box_and_area_agree_with_the_mask(segmentation, box, area, codes, expected) -> None:
    repaired, changes = repair_annotation(IMAGE, annotate(box, area, segmentation))
    assert [code for code, _ in changes] == codes
    assert (repaired.bbox, repaired.area) == expected
    assert repaired.segmentation == segmentation


def test_the_area_of_a_box_without_a_mask_is_its_own() -> None:
    repaired, changes = repair_annotation(IMAGE, annotate((10, 8, 20, 12), 3072, []))
    assert (repaired.area, changes) == (240, [("area-recomputed", "3072, measured 240")])


@pytest.mark.parametrize(
    ("rings", "kept", "values"),
    [
        ([SQUARE, [12.0, 12.0]], [SQUARE], ["[12.0, 12.0]"]),
        ([SQUARE, [1, 2, 3, 4], []], [SQUARE], ["[1, 2, 3, 4]"]),
        ([[1, 2, 3, 4]], [], ["[1, 2, 3, 4]"]),
        ([[]], [], []),
    ],
)
def test_short_rings_are_left_out_and_reported(rings, kept, values) -> None:
    repaired, changes = repair_annotation(IMAGE, annotate((10, 8, 20, 12), 240, rings))
    assert repaired.segmentation == kept
    assert changes == [("short-ring", value) for value in values]
    assert repaired.bbox == (10, 8, 20, 12)


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3, 4, 5, 6, 7]],  # half a point: the meaning is unknown
        [[1, 1, 1e9, 1, 1e9, 9]],
        Rle((48, 64), "04"),  # does not fill the image
        Rle((10, 10), [100]),  # of another image
        Rle((48, 64), [48 * 64]),  # without a pixel
    ],
)
def test_impossible_shapes_are_left_for_the_reader_to_refuse(segmentation: Segmentation) -> None:
    before = annotate((10, 8, 20, 12), 240, segmentation)
    assert repair_annotation(IMAGE, before) == (before, [])


def test_each_repair_names_image_and_annotation() -> None:
    coco = CocoFile([IMAGE], [annotate((10, 8, 20, 12), 9999, [SQUARE])], [])
    repaired, repairs = repair_annotations(coco)
    assert [(r.file, r.where, r.code) for r in repairs] == [("a.png", "annotation 7", "area-recomputed")]
    assert repaired.annotations[0].area == 240
    assert repair_annotations(repaired) == (repaired, [])


@example(34, 0, 24, 1)
@given(st.integers(0, 40), st.integers(0, 30), st.integers(1, 24), st.integers(1, 18))
def test_a_mask_agrees_with_its_own_box_however_it_is_rounded(x: int, y: int, w: int, h: int) -> None:
    rle = square_mask(x, y, w, h)
    exact = rle_box(rle)
    assert exact == (x, y, w, h)
    for box in (exact, (x, y, w - 1, h - 1), (x - 0.5, y + 0.5, w + 0.5, h), (x - 1, y - 1, w + 2, h + 2)):
        assert boxes_agree(box, exact)
    corners = (x, y, x + w, y + h)
    repaired, _ = repair_annotation(IMAGE, annotate(corners, rle_area(rle), rle))
    if max(x, y) > 2:
        assert repaired.bbox == exact
