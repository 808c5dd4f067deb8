import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image as Picture
from scipy import ndimage

from datasets.coco import Rle
from datasets.images.mask_file import read_mask
from datasets.masks.component import Component, components
from datasets.masks.pixel_outline import component_to_polygons, component_to_segmentation, pixel_outline
from datasets.masks.rle import component_to_rle, decode, encode, rle_area, rle_box
from system.errors import InputError

BOOL_MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))
RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)


@given(BOOL_MASKS, st.sampled_from([4, 8]))
def test_components_partition_the_mask_as_scipy_does(mask: np.ndarray, connectivity: int) -> None:
    found = components(mask, connectivity=connectivity)
    _, count = ndimage.label(mask, np.ones((3, 3)) if connectivity == 8 else None)
    assert len(found) == count
    painted = np.zeros(mask.shape, int)
    for component in found:
        x, y, w, h = component.box
        assert component.pixels.shape == (h, w)
        assert component.pixels.any(0).all() or component.pixels[:, [0, -1]].any(0).all()
        painted[y : y + h, x : x + w] += component.pixels
    assert np.array_equal(painted, mask.astype(int))


@settings(max_examples=60)
@given(BOOL_MASKS, st.integers(1, 5))
def test_merge_gap_equals_brute_force_distances(mask: np.ndarray, gap: int) -> None:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    points = [np.argwhere(labels == i) for i in range(1, count + 1)]
    groups = list(range(count))
    for i in range(count):
        for j in range(i):
            nearest = np.sqrt(((points[i][:, None] - points[j][None]) ** 2).sum(-1)).min()
            if nearest - 1 < gap:
                old, new = groups[i], groups[j]
                groups = [new if g == old else g for g in groups]
    assert len(components(mask, merge_gap=gap)) == len(set(groups))


@given(BOOL_MASKS)
def test_rle_and_back(mask: np.ndarray) -> None:
    rle = encode(mask)
    assert np.array_equal(decode(rle, *mask.shape), mask)
    assert rle_area(rle) == mask.sum()
    if mask.any():
        rows, columns = np.nonzero(mask)
        x, y, w, h = rle_box(rle)
        assert (x, y, x + w, y + h) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_decode_takes_every_form_of_segmentation() -> None:
    square = np.zeros((5, 6), np.uint8)
    square[1:3, 2:5] = 1
    plain = Rle((5, 6), [11, 2, 3, 2, 3, 2, 7])
    for segmentation in (encode(square), plain, [[2, 1, 5, 1, 5, 3, 2, 3]]):
        assert np.array_equal(decode(segmentation, 5, 6), square)
    assert not decode([], 5, 6).any()


@given(BOOL_MASKS)
def test_polygons_say_exactly_the_same_pixels(mask: np.ndarray) -> None:
    height, width = mask.shape[0] + 3, mask.shape[1] + 5
    for component in components(mask):
        outline = pixel_outline(component.pixels)
        assert outline.area == component.area
        polygons = component_to_polygons(component)
        has_hole = ndimage.binary_fill_holes(component.pixels).sum() > component.area
        assert (polygons is None) == has_hole or outline.geom_type == "MultiPolygon"
        for how in ("rle", "polygon", "auto"):
            segmentation = component_to_segmentation(component, height, width, how)
            assert np.array_equal(
                decode(segmentation, height, width),
                decode(component_to_rle(component, height, width), height, width),
            )


def test_a_square_becomes_four_corners_and_a_ring_stays_run_lengths() -> None:
    square = Component((3, 2, 4, 5), np.ones((5, 4), bool))
    polygons = component_to_polygons(square)
    assert polygons is not None
    assert {tuple(polygons[0][i : i + 2]) for i in range(0, 8, 2)} == {(3, 2), (7, 2), (7, 7), (3, 7)}
    assert len(polygons[0]) == 8
    ring = Component((0, 0, 3, 3), RING)
    assert component_to_polygons(ring) is None
    assert isinstance(component_to_segmentation(ring, 9, 9, "polygon"), Rle)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "LA", "RGBA", "I;16", "CMYK", "YCbCr"])
def test_masks_of_every_mode_are_read(tmp_path, mode: str) -> None:
    pixels = np.zeros((4, 5), np.uint8)
    pixels[1:3, 2:4] = 255
    picture = Picture.fromarray(pixels.astype(np.uint16) * 257 if mode == "I;16" else pixels)
    if mode == "P":
        picture = Picture.fromarray(pixels // 255)
        picture.putpalette([0, 0, 0, 9, 99, 200])
    elif mode != "I;16":
        picture = picture.convert(mode)
    assert picture.mode == mode
    path = tmp_path / ("m.tif" if mode in {"CMYK", "YCbCr"} else "m.png")
    picture.save(path)
    assert np.array_equal(read_mask(path), pixels > 0)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_mask_that_is_drawn_by_its_transparency_is_refused(tmp_path, mode: str) -> None:
    alpha = np.zeros((4, 5), np.uint8)
    alpha[1:3, 2:4] = 255
    white = Picture.new("L", (5, 4), 255).convert(mode)
    white.putalpha(Picture.fromarray(alpha))
    white.save(tmp_path / "white.png")
    with pytest.raises(InputError, match="a value where it is transparent"):
        read_mask(tmp_path / "white.png")
    same = Picture.fromarray(alpha).convert(mode)
    same.putalpha(Picture.fromarray(alpha))
    same.save(tmp_path / "same.png")
    assert np.array_equal(read_mask(tmp_path / "same.png"), alpha > 0)


def test_two_values_without_black_are_refused_and_a_threshold_takes_them(tmp_path) -> None:
    Picture.fromarray(np.array([[100, 200]], np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(InputError, match="2 grey values \\(100, 200\\)"):
        read_mask(tmp_path / "m.png")
    assert read_mask(tmp_path / "m.png", threshold=200).tolist() == [[False, True]]
    with pytest.raises(InputError, match="no pixel reaches --threshold 201 \\(largest is 200\\)"):
        read_mask(tmp_path / "m.png", threshold=201)


def test_a_mask_that_is_all_defect_is_one_component(tmp_path) -> None:
    Picture.fromarray(np.full((3, 4), 255, np.uint8)).save(tmp_path / "m.png")
    (only,) = components(read_mask(tmp_path / "m.png"))
    assert (only.box, only.area) == ((0, 0, 4, 3), 12)


def test_a_header_that_promises_more_than_a_file_can_hold_is_refused(tmp_path) -> None:
    # found by fuzzing: Pillow would take the memory for it first
    data = bytearray(_png(np.full((4, 4), 255, np.uint8)))
    data[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "m.png").write_bytes(data)
    with pytest.raises(InputError, match="2147483647 x 2147483647 pixels in so few bytes"):
        read_mask(tmp_path / "m.png")


def test_the_emptiest_mask_is_none_of_these(tmp_path) -> None:
    Picture.new("1", (5000, 5000)).save(tmp_path / "m.png", optimize=True)
    assert not read_mask(tmp_path / "m.png", empty_ok=True).any()


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Picture.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
