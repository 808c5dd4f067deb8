"""Masks as tools pack them: every mask is restored, and data that does not fit is refused."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from datasets.formats.mask_pixels import decode_brush, decode_columns, decode_rows, read_mask_shape
from datasets.formats.tool_export import MaskShape
from system.errors import InputError
from tests.brush import pack_brush

SIDES = st.integers(1, 9)
MASKS = st.tuples(SIDES, SIDES).flatmap(lambda size: arrays(np.bool_, size))


def runs(flat: list[bool]) -> list[int]:
    """Run lengths, background first."""
    lengths = [(value, len(list(group))) for value, group in groupby(flat)]
    return [0] * bool(flat and flat[0]) + [length for _, length in lengths]


@given(MASKS)
def test_rows_survive(mask: NDArray[np.bool_]) -> None:
    packed = np.array(runs(mask.ravel().tolist()), np.int64)
    assert np.array_equal(decode_rows(packed, mask.shape[1], mask.shape[0]), mask)


@given(MASKS)
def test_columns_survive_whatever_the_order_of_the_pairs(mask: NDArray[np.bool_]) -> None:
    pairs, position = [], 1
    for value, group in groupby(mask.T.ravel().tolist()):
        length = len(list(group))
        pairs += [(position, length)] if value else []
        position += length
    flat = np.array([number for pair in reversed(pairs) for number in pair], np.int64)
    assert np.array_equal(decode_columns(flat, mask.shape[1], mask.shape[0]), mask)


@given(MASKS, st.booleans(), st.integers(1, 255))
def test_brush_survives_in_both_kinds_of_runs(mask: NDArray[np.bool_], literal: bool, alpha: int) -> None:
    packed = bytes(pack_brush(mask, literal=literal, alpha=alpha))
    assert np.array_equal(decode_brush(packed, mask.shape[1], mask.shape[0]), mask)


def test_a_long_run_is_packed_in_several() -> None:
    mask = np.zeros((200, 300), np.bool_)
    mask[50:150, 20:280] = True
    assert np.array_equal(decode_brush(bytes(pack_brush(mask)), 300, 200), mask)


@settings(max_examples=400)
@given(st.binary(max_size=60), SIDES, SIDES)
def test_any_bytes_are_a_mask_or_an_error(data: bytes, width: int, height: int) -> None:
    head = (width * height * 4).to_bytes(4, "big")
    for packed in (data, head + data):
        try:
            mask = decode_brush(packed, width, height)
        except ValueError:
            continue
        assert mask.shape == (height, width)


@given(st.lists(st.integers(-5, 60), max_size=8), SIDES, SIDES)
def test_any_pairs_are_a_mask_of_as_many_pixels_or_an_error(pairs: list[int], width: int, height: int) -> None:
    try:
        mask = decode_columns(np.array(pairs, np.int64), width, height)
    except ValueError:
        return
    assert mask.shape == (height, width)
    assert int(mask.sum()) == sum(pairs[1::2])


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([1, 2, 3], "3 numbers"),
        ([12, 2], "outside"),
        ([0, 1], "number 0"),
        ([3, 0], "number 0"),
        ([1, 3, 2, 1], "overlap"),
    ],
)
def test_pairs_that_do_not_fit(pairs: list[int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decode_columns(np.array(pairs, np.int64), 4, 3)


@pytest.mark.parametrize(
    ("mask", "problem"),
    [
        (MaskShape(0, 0, 2, 2, "rows", "1 x"), "run length that is not a number"),
        (MaskShape(0, 0, 2, 2, "rows", "99999999999"), "run length that is not a number"),
        (MaskShape(0, 0, 0, 2, "rows", "0"), "is 0 x 2 pixels"),
        (MaskShape(0, 0, 9, 2, "rows", "18"), "is 9 x 2 pixels, but its image has 5 x 4"),
        (MaskShape(0, 0, 5, 4, "brush", b"\0\0"), "ends in the middle of a run"),
        (MaskShape(0, 0, 5, 4, "brush", b"\0\0\0\x08" + bytes(9)), "does not have the 80 values"),
    ],
)
def test_masks_that_do_not_fit_name_the_place(mask: MaskShape, problem: str) -> None:
    with pytest.raises(InputError, match=f"a.json: the mask of region 3 .*{problem}"):
        read_mask_shape("a.json", "region 3", mask, (5, 4))
