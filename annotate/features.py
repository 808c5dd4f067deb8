"""Patch features of a pretrained ResNet-18: what the nearest-neighbour search for anomalies compares.

Layers 2 and 3, each averaged over 3 x 3 neighbours, as PatchCore does (Roth et al., "Towards Total Recall in
Industrial Anomaly Detection", CVPR 2022). This module imports torch, so only commands that need it import it.
"""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

from system.errors import WeightsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the ImageNet pictures that the weights saw
STRIDE = 8  # of layer 2, which sets the grid
SIDE_STEP = 16  # of layer 3
UNUSED = ("layer4.", "fc.")
REMEDY = "give --weights PATH, a ResNet-18 state dict under torchvision's names"


@dataclass(frozen=True, slots=True)
class Grid:
    """Features of one picture: `patches` is (rows x columns) x channels float32, in row order."""

    patches: Tensor
    rows: int
    columns: int


class FeatureExtractor(nn.Module):
    """ResNet-18 up to layer 3. `side` is that of the network's input along the longer side of a picture."""

    mean: Tensor
    std: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        net = resnet18(weights=None)
        self.side = side
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1)
        self.layer2, self.layer3 = net.layer2, net.layer3
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """1 x 3 x H x W, 0 to 255, to 1 x C x H/8 x W/8."""
        middle = self.layer2(self.stem((pixels / 255 - self.mean) / self.std))
        deep = functional.avg_pool2d(self.layer3(middle), 3, 1, 1)
        fine = functional.avg_pool2d(middle, 3, 1, 1)
        size = fine.shape[-2:]
        return torch.cat([fine, functional.interpolate(deep, size=size, mode="bilinear", align_corners=False)], 1)

    def grid(self, rgb: "NDArray[np.uint8]") -> Grid:
        """Features of an H x W x 3 RGB picture of any size."""
        height, width = rgb.shape[:2]
        scale = self.side / max(height, width)
        rows, columns = (max(1, round(n * scale / SIDE_STEP)) * SIDE_STEP for n in (height, width))
        small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        with torch.inference_mode():
            found = self(torch.from_numpy(small).permute(2, 0, 1)[None].float())
        return Grid(found[0].flatten(1).T.contiguous(), found.shape[2], found.shape[3])


def load_extractor(weights: Path, side: int) -> FeatureExtractor:
    """The extractor with the state dict of `weights`, read so that it cannot run code. Raises WeightsError."""
    _leave_a_core()
    net = resnet18(weights=None)
    given = _read_state(weights)
    missing = [k for k in net.state_dict() if k not in given and not k.startswith(UNUSED)]
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]
    if missing:
        raise WeightsError(weights, f"lacks {len(missing)} tensors of a ResNet-18 ({missing[0]}, ...)", REMEDY)
    extractor = FeatureExtractor(side)
    parts = {"layer2.": extractor.layer2, "layer3.": extractor.layer3, "layer1.": extractor.stem[4]}
    parts |= {"conv1.": extractor.stem[0], "bn1.": extractor.stem[1]}
    for prefix, part in parts.items():
        own = {k.removeprefix(prefix): v for k, v in given.items() if k.startswith(prefix)}
        try:
            part.load_state_dict(own)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:150]
            raise WeightsError(weights, f"does not fit a ResNet-18 ({reason})", REMEDY) from None
    return extractor


def _leave_a_core() -> None:
    # with as many threads as cores, one other busy program makes every one of them wait at each barrier
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))


def _read_state(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsError(path, "no such file", REMEDY)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(path, "cannot be read as weights", REMEDY) from None
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise WeightsError(path, "not a plain state dict of tensors", REMEDY)
    return loaded
