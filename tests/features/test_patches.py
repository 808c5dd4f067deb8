"""Patch features of images, with random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import resnet18

from features.encoder import load_encoder
from features.patches import PatchFeatures
from tests.features.networks import random_resnet, textured


def extractor_of(weights: Path) -> PatchFeatures:
    return PatchFeatures(load_encoder("resnet18", str(weights), ("8", "16"))[0])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_resnet(tmp_path_factory.mktemp("weights") / "resnet18.pt")


def test_grid_follows_the_shape_of_the_image(weights: Path) -> None:
    extractor = extractor_of(weights)
    grid = extractor.grid(np.zeros((100, 200, 3), np.uint8), 64)
    assert (grid.rows, grid.columns) == (4, 8)  # 32 x 64 pixels at a stride of 8
    assert grid.patches.shape == (32, 128 + 256)
    same = extractor.grid(np.zeros((100, 200, 3), np.uint8), 64)
    assert torch.equal(grid.patches, same.patches)


def test_features_are_those_of_torchvision(weights: Path) -> None:
    net = resnet18(weights=None).eval()
    net.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    extractor = extractor_of(weights)
    rgb = textured(1)[:64, :64]
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = (torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255 - mean) / std
    with torch.inference_mode():
        middle = net.layer2(net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x))))))
        # the mean of a 3 x 3 neighbourhood that is wholly inside
        expected = middle[0, :, 2:5, 3:6].mean((1, 2))
    row, column = 3, 4
    assert torch.allclose(extractor.grid(rgb, 64).patches[row * 8 + column, :128], expected, atol=1e-5)
