from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datasets.coco import Category
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import decode
from train_seg.model import ModelSpec
from train_seg.segmenter import Segmenter, averaged_logits
from train_seg.threshold import best_threshold, choose_pixel_threshold
from training.measure import predict_files


class Bright(nn.Module):
    """A segmenter that takes bright pixels for the second type: what it finds is known beforehand."""

    def forward(self, rgb: Tensor) -> Tensor:
        bright = (rgb.float().mean(1) - 190) / 4
        return torch.stack([-bright, torch.full_like(bright, -99), bright], 1)


def segmenter(*, tta: bool = False) -> Segmenter:
    spec = ModelSpec("resnet18", 4, 64, [Category(4, "chip"), Category(7, "dirt")])
    return Segmenter(Bright(), spec, torch.device("cpu"), tta)  # type: ignore[arg-type]


@pytest.mark.parametrize(("height", "width"), [(90, 200), (200, 90), (64, 64), (30, 41), (500, 333)])
@pytest.mark.parametrize("tta", [False, True])
def test_predictions_are_where_the_defect_is_at_the_original_size(height: int, width: int, tta: bool) -> None:
    rgb = np.full((height, width, 3), 100, np.uint8)
    rows, columns = slice(height // 5, height // 2), slice(width // 2, 9 * width // 10)
    rgb[rows, columns] = 255
    (found,) = segmenter(tta=tta).predict_image(rgb, 5)
    assert (found.image_id, found.category_id) == (5, 7)
    assert found.segmentation is not None
    assert found.segmentation.size == (height, width)
    mask = decode(found.segmentation, height, width) > 0
    truth = np.zeros_like(mask)
    truth[rows, columns] = True
    assert (mask & truth).sum() / (mask | truth).sum() > 0.85


class Corner(nn.Module):
    """Answers with the brightness of the pixel, but trusts only the upper left quarter."""

    def forward(self, rgb: Tensor) -> Tensor:
        logits = rgb.float()[:, :2].clone()
        logits[:, :, 16:, :] = 0
        logits[:, :, :, 16:] = 0
        return logits


def test_symmetries_are_turned_back_before_they_are_averaged() -> None:
    """Two of the eight views see a pixel in the trusted quarter, so the mean is a quarter everywhere."""
    square = torch.rand(1, 3, 32, 32)
    averaged = averaged_logits(Corner(), square)  # type: ignore[arg-type]
    assert torch.allclose(averaged, square[:, :2] / 4, atol=1e-6)


def test_the_best_threshold_is_in_the_middle_of_the_best() -> None:
    """Background shares all below 0.30, defect shares all from 0.60: any threshold between is perfect."""
    counts = np.zeros((2, 100), np.int64)
    counts[0, :30] = 1000
    counts[1, 60:] = 10
    assert best_threshold(counts) == pytest.approx(0.45)


def test_the_threshold_stays_away_from_the_ends() -> None:
    counts = np.zeros((2, 100), np.int64)
    counts[0, 0] = 1000
    counts[1, 99] = 10
    assert 0.1 <= best_threshold(counts) <= 0.9
    counts[1, 99], counts[1, 2] = 0, 10
    assert best_threshold(counts) == pytest.approx(0.1, abs=0.01) or best_threshold(counts) >= 0.1


def test_no_annotation_chooses_no_threshold(coco_folder: Path) -> None:
    dataset = load_dataset(coco_folder)
    truth = msgspec.structs.replace(dataset.splits["val"], annotations=[])
    assert choose_pixel_threshold(segmenter(), dataset, truth) is None


def test_files_of_the_dataset_keep_their_ids(coco_folder: Path) -> None:
    dataset = load_dataset(coco_folder)
    wanted = dataset.splits["test"].images[:3]
    files = [dataset.image_path(image) for image in reversed(wanted)]
    images, _ = predict_files(segmenter(), files, dataset, 0.0)
    assert [image.id for image in images] == [image.id for image in reversed(wanted)]
    assert images[0].file_name == files[0].as_posix()


def test_other_files_are_numbered_in_the_order_given(coco_folder: Path, tmp_path: Path) -> None:
    dataset = load_dataset(coco_folder)
    stranger = tmp_path / "new.png"
    cv2.imwrite(str(stranger), np.full((40, 70, 3), 255, np.uint8))
    files = [dataset.image_path(dataset.splits["test"].images[0]), stranger]
    images, found = predict_files(segmenter(), files, dataset, 0.0)
    assert [image.id for image in images] == [1, 2]
    assert (images[1].width, images[1].height) == (70, 40)
    assert any(p.image_id == 2 and p.bbox == (0, 0, 70, 40) for p in found)
