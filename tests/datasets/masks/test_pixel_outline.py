import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from datasets.coco import Rle
from datasets.masks.component import Component
from datasets.masks.edges import component_to_rle
from datasets.masks.find_components import components
from datasets.masks.pixel_outline import component_to_polygons, component_to_segmentation, pixel_outline
from datasets.masks.rle import decode

BOOL_MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14)))
RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)


@given(BOOL_MASKS)
def test_polygons_cover_exactly_the_same_pixels(mask: np.ndarray) -> None:
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
