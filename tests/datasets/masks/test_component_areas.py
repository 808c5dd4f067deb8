"""The smallest component of many masks together, compared with OpenCV's labels of each mask alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.coco import Rle
from datasets.masks import component_areas
from datasets.masks.component_areas import smallest_components
from datasets.masks.rle import encode


def smallest(mask: np.ndarray) -> int:
    """By cv2.connectedComponentsWithStats."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return int(stats[1:, cv2.CC_STAT_AREA].min()) if count > 1 else 0


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(1, 3))
def test_the_smallest_components_equal_those_of_opencv(seed: int, count: int, together: int) -> None:
    random = np.random.default_rng(seed)
    masks = [
        random.random(tuple(random.integers(1, 12, 2))) < random.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        for _ in range(count)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(component_areas, "TOGETHER", together)
        assert smallest_components([encode(mask) for mask in masks]) == [smallest(mask) for mask in masks]


def test_components_of_neighbouring_masks_are_not_joined() -> None:
    corner, whole = np.zeros((3, 4), bool), np.ones((5, 2), bool)
    corner[2, 3] = True
    assert smallest_components([encode(corner), encode(whole), encode(corner)]) == [1, 10, 1]


def test_masks_of_unusual_text_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(component_areas, "all_run_lengths", lambda _: None)
    mask = np.zeros((6, 6), bool)
    mask[:2, :2] = mask[4, 4] = True
    assert smallest_components([encode(mask), Rle((6, 6), encode(np.zeros((6, 6), bool)).counts)]) == [1, 0]
