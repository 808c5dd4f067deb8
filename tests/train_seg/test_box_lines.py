"""The bands of boxes, and the loss that asks for a pixel of the defect in each."""

import math

import cv2
import numpy as np
import pytest
import torch

from train_seg.augment import augment, training_augmentation
from train_seg.box_lines import box_lines, line_loss
from train_seg.box_masks import mask_in_box, uncertain_in_box
from train_seg.module import SegmenterModule
from train_seg.options import SegmenterAugmentation, SegmenterOptimisation
from training.letterbox import Letterbox


def test_rows_and_columns_of_a_box_are_numbered_in_bands() -> None:
    """A box of 12 x 6 pixels at (4, 8): 2 bands of 3 rows, 4 bands of 3 columns."""
    lines = box_lines([(4, 8, 12, 6)], Letterbox(32, 32, 32))
    expected = np.zeros((32, 32, 2), np.uint8)
    expected[8:14, 4:16, 0] = np.repeat([1, 2], 3)[:, None]
    expected[8:14, 4:16, 1] = np.repeat([1, 2, 3, 4], 3)
    assert np.array_equal(lines, expected)


def test_boxes_are_scaled_padded_and_limited() -> None:
    """An image of 20 x 40 in a square of 80: twice the size, 20 rows below the upper padding."""
    lines = box_lines([(0, 0, 40, 20), (10, 5, 2, 2)], Letterbox(20, 40, 80))
    rows, columns = np.nonzero(lines[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 59, 0, 79)
    assert lines[..., 0].max() == 13 + 1  # 40 rows in bands of 3, and the small box on top
    assert lines[..., 1].max() == 16 + 1
    assert (lines[30:34, 20:24, 0] == 14).all()
    many = box_lines([(0, 0, 60, 60)] * 40, Letterbox(64, 64, 64))
    assert many.max() <= 255


def test_a_box_beyond_its_image_has_no_band_in_the_padding() -> None:
    """An image of 20 x 40 in a square of 80: rows 0 to 19 and 60 to 79 are padding, which has no defect."""
    lines = box_lines([(-10, -10, 20, 20), (30, 10, 20, 30)], Letterbox(20, 40, 80))
    within = box_lines([(0, 0, 10, 10), (30, 10, 10, 10)], Letterbox(20, 40, 80))
    assert np.array_equal(lines, within)
    assert not lines[:20].any()
    assert not lines[60:].any()


def test_the_loss_by_hand() -> None:
    """Bands 1 and 2 of rows with largest 0.5 and 0.25, one of columns with 0.5: mean of log 2, log 4, log 2."""
    defect = torch.tensor([[[0.5, 0.1], [0.25, 0.2]], [[0.9, 0.9], [0.9, 0.9]]])
    lines = torch.tensor([[[[1, 1], [2, 2]], [[7, 7], [0, 0]]], [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]])
    loss = line_loss(defect, lines.to(torch.uint8))
    assert float(loss) == pytest.approx((math.log(2) + math.log(4) + math.log(2)) / 3)
    assert float(line_loss(defect, torch.zeros_like(lines, dtype=torch.uint8))) == 0


def test_bands_are_of_one_image_only() -> None:
    """The same number in both images means two bands."""
    defect = torch.tensor([[[0.5]], [[0.25]]])
    lines = torch.tensor([[[[3]], [[0]]], [[[3]], [[0]]]], dtype=torch.uint8)
    assert float(line_loss(defect, lines)) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_no_band_is_lost_or_mixed_by_a_rotation() -> None:
    lines = box_lines([(20, 25, 40, 20)], Letterbox(96, 96, 96))
    image = np.zeros((96, 96, 3), np.uint8)
    options = SegmenterAugmentation(rotation=45, geometry_share=1, colour_share=0, noise_share=0)
    pipeline = training_augmentation(options, (0, 0, 0), numbered=True)
    for seed in range(5):
        _, turned = augment(pipeline, seed, image, np.dstack([np.zeros((96, 96, 2), np.uint8), lines]))
        assert set(np.unique(turned[..., 2])) == set(np.unique(lines[..., 0]))
        assert set(np.unique(turned[..., 3])) == set(np.unique(lines[..., 1]))


def test_training_on_bands_alone_fills_every_row_and_column() -> None:
    """All pixels of the box are ignored; the loss still raises the probability along both directions."""
    random = torch.Generator().manual_seed(0)
    logits = (0.1 * torch.randn(1, 2, 32, 32, generator=random)).requires_grad_()

    class Free(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return logits + 0 * pixels.float().sum()

    coverage = np.zeros((32, 32, 4), np.uint8)
    coverage[8:20, 6:24, 1] = 255
    coverage[..., 2:] = box_lines([(6, 8, 18, 12)], Letterbox(32, 32, 32))
    batch = (
        torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
        torch.from_numpy(coverage.transpose(2, 0, 1).copy())[None],
    )
    module = SegmenterModule(Free(), SegmenterOptimisation(), 1)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam([logits], lr=0.2)
    for _ in range(60):
        optimizer.zero_grad()
        module.training_step(batch, 0).backward()
        optimizer.step()
    defect = logits.detach().softmax(1)[0, 1]
    inside = defect[8:20, 6:24]
    assert all(inside[k : k + 3].max() > 0.7 for k in range(0, 12, 3))
    outside = defect.clone()
    outside[8:20, 6:24] = 0
    assert outside.max() < 0.2
    assert (inside > 0.5).float().mean() < 0.5  # not the whole box


def test_pixels_on_which_the_estimates_agree_are_sure() -> None:
    """A dark disc on a light ground: few pixels are uncertain; where nothing differs, nearly all may be."""
    shape = np.zeros((120, 120), np.uint8)
    cv2.circle(shape, (60, 60), 20, 1, -1)
    random = np.random.default_rng(0)
    rgb = random.integers(170, 220, (120, 120, 3), dtype=np.uint8)
    rgb[shape > 0] = random.integers(20, 60, (int(shape.sum()), 3), dtype=np.uint8)
    box = cv2.boundingRect(shape)
    mask, _ = mask_in_box(rgb, box)
    uncertain = uncertain_in_box(rgb, box, mask)
    assert uncertain.box == box
    assert uncertain.pixels.mean() < 0.05
    flat = np.full((64, 64, 3), 128, np.uint8)
    flat_mask, _ = mask_in_box(flat, (20, 20, 20, 20))
    assert uncertain_in_box(flat, (20, 20, 20, 20), flat_mask).pixels.mean() > 0.1
