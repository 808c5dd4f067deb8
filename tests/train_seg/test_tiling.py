import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from datasets.coco import Category
from datasets.masks.rle import decode
from train_seg.model import ModelSpec
from train_seg.segmenter import Segmenter
from train_seg.tiling import blend_tiles, tile_starts


@given(st.integers(1, 5000), st.integers(32, 700))
def test_tiles_cover_a_side_with_a_quarter_in_common(length: int, tile: int) -> None:
    starts = tile_starts(length, tile)
    assert starts[0] == 0
    assert starts[-1] + tile >= length
    assert starts[-1] <= max(0, length - tile)
    steps = np.diff(starts)
    assert (steps > 0).all()
    assert (steps <= np.ceil(0.75 * tile)).all()


def test_tiles_that_agree_blend_to_their_common_value() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (150, 230, 3), dtype=np.uint8)

    def logits_of(crop: np.ndarray) -> Tensor:
        return torch.from_numpy(crop[:, :, :2].copy()).permute(2, 0, 1).float()

    blended = blend_tiles(rgb, 64, logits_of)
    assert np.abs(blended.numpy() - rgb[:, :, :2].transpose(2, 0, 1)).max() < 1e-3


def test_the_middle_of_a_tile_counts_more_than_the_edge_of_its_neighbour() -> None:
    """Two tiles along the width, of which the first predicts 0 and the second 1."""
    answers = iter([0.0, 1.0])
    blended = blend_tiles(
        np.zeros((64, 112, 3), np.uint8), 64, lambda crop: torch.full((1, *crop.shape[:2]), next(answers))
    )[0, 32]
    assert blended[40] == 0
    assert blended[70] == 1
    assert (np.diff(blended.numpy()) >= -1e-6).all()
    assert float(blended[49]) < 0.5 < float(blended[63])


class Bright(nn.Module):
    """Takes bright pixels for a defect."""

    def forward(self, rgb: Tensor) -> Tensor:
        bright = (rgb.float().mean(1) - 190) / 4
        return torch.stack([-bright, bright], 1)


@pytest.mark.parametrize(("tile", "found"), [(None, 0), (128, 1)])
def test_a_speck_that_shrinking_loses_is_found_in_tiles(tile: int | None, found: int) -> None:
    rgb = np.full((1000, 700, 3), 100, np.uint8)
    rgb[500:512, 340:352] = 255
    spec = ModelSpec("resnet18", 4, 64, [Category(3, "chip")])
    predictions = Segmenter(Bright(), spec, torch.device("cpu"), tile=tile).predict_image(rgb, 1)
    assert len(predictions) == found
    for prediction in predictions:
        assert prediction.segmentation is not None
        mask = decode(prediction.segmentation, 1000, 700)
        assert mask[500:512, 340:352].mean() > 0.8
        assert mask.sum() < 200


def test_an_image_within_one_tile_is_looked_at_whole() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (90, 100, 3), dtype=np.uint8)
    spec = ModelSpec("resnet18", 4, 64, [Category(3, "chip")])
    whole, tiled = (Segmenter(Bright(), spec, torch.device("cpu"), tile=tile) for tile in (None, 128))
    assert np.array_equal(whole.shares(rgb), tiled.shares(rgb))
    assert whole.scale(90, 100) == tiled.scale(90, 100)
