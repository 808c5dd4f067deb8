"""Weights of networks that learnt nothing, and images for them."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.models import resnet18


def random_resnet(path: Path) -> Path:
    """A state dict of a random ResNet-18 without layer4 and head."""
    torch.manual_seed(3)
    state = {k: v for k, v in resnet18(weights=None).state_dict().items() if not k.startswith(("layer4.", "fc."))}
    torch.save(state, path)
    return path


def textured(number: int, spot: tuple[int, int, int, int] | None = None, side: int = 160) -> NDArray[np.uint8]:
    """Faint grey grain; a spot (x0, y0, x1, y1) has coarse stripes."""
    random = np.random.default_rng(number)
    pixels = 120 + random.normal(0, 4, (side, side, 3))
    if spot:
        x0, y0, x1, y1 = spot
        rows = np.arange(y0, y1)[:, None, None]
        pixels[y0:y1, x0:x1] += 90 * ((rows // 3) % 2)
    return np.clip(pixels, 0, 255).astype(np.uint8)
