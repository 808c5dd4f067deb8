import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datasets.coco import Category
from train_seg import shares
from train_seg.model import ModelSpec
from train_seg.postprocess import shares_to_predictions
from train_seg.segmenter import Segmenter


class Colours(nn.Module):
    """Red is the first type, green the second; `least` makes everything background."""

    def __init__(self, least: float) -> None:
        super().__init__()
        self.least = least

    def forward(self, rgb: Tensor) -> Tensor:
        x = rgb.float()
        return torch.stack(
            [torch.zeros_like(x[:, 0]), (x[:, 0] - self.least) / 20, (x[:, 1] - self.least) / 20], 1
        )


@pytest.mark.parametrize("tile", [None, 60])
def test_bands_of_rows_find_what_the_whole_image_does(tile: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModelSpec("resnet18", 4, 64, [Category(4, "chip"), Category(7, "dirt")])
    segmenter = Segmenter(Colours(140), spec, torch.device("cpu"), tile=tile)  # type: ignore[arg-type]
    random = np.random.default_rng(3)
    for _ in range(5):
        rough = random.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        rgb = cv2.resize(rough, (131, 203), interpolation=cv2.INTER_CUBIC)
        whole = segmenter.predict_image(rgb, 1)
        monkeypatch.setattr(shares, "BAND_PIXELS", 131 * 7)
        banded = segmenter.predict_image(rgb, 1)
        monkeypatch.undo()
        assert whole
        assert banded == whole


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize(("height", "width"), [(90, 200), (300, 211), (64, 64), (31, 47)])
@pytest.mark.parametrize("least", [140, 175, 250])
def test_a_window_finds_what_the_whole_image_does(height: int, width: int, least: float, tta: bool) -> None:
    """Blobs that touch the border, faint ones and none at all, depending on `least`."""
    spec = ModelSpec("resnet18", 4, 64, [Category(4, "chip"), Category(7, "dirt")])
    segmenter = Segmenter(Colours(least), spec, torch.device("cpu"), tta)  # type: ignore[arg-type]
    random, found = np.random.default_rng(width), 0
    for _ in range(10):
        rough = random.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        rgb = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
        whole = shares_to_predictions(segmenter.shares(rgb), 1, spec, segmenter.scale(height, width))
        windowed = segmenter.predict_image(rgb, 1)
        found += len(whole)
        assert [p.bbox for p in windowed] == [p.bbox for p in whole]
        assert [p.segmentation for p in windowed] == [p.segmentation for p in whole]
        assert [p.category_id for p in windowed] == [p.category_id for p in whole]
        assert [p.score for p in windowed] == pytest.approx([p.score for p in whole], abs=2e-6)
    assert found > 0 or least == 250


def test_the_window_is_smaller_than_the_image() -> None:
    spec = ModelSpec("resnet18", 4, 64, [Category(4, "chip"), Category(7, "dirt")])
    segmenter = Segmenter(Colours(150), spec, torch.device("cpu"))  # type: ignore[arg-type]
    rgb = np.zeros((640, 640, 3), np.uint8)
    rgb[100:150, 300:400] = 255
    window, top, left = segmenter.shares_from(rgb, 0.5)
    assert 80 <= top <= 100
    assert 280 <= left <= 300
    assert 50 <= window.defect.shape[0] <= 90
    assert 100 <= window.defect.shape[1] <= 140
