"""Patch features of a pretrained ResNet-18, compared by the nearest-neighbour search for anomalies.

Layers 2 and 3, each averaged over 3 x 3 neighbours, as in PatchCore (Roth et al., "Towards Total Recall in
Industrial Anomaly Detection", CVPR 2022). This module imports torch, so it is only imported inside the command
that needs it (docs/adr/0009).
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

MEAN, STD = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # per channel, of the ImageNet images the weights were trained on
SIDE_STEP = 16  # pixels; the stride of layer 3
UNUSED_LAYERS = ("layer4.", "fc.")
REMEDY = "give --weights PATH, a ResNet-18 state dict under torchvision's names"


@dataclass(frozen=True, slots=True)
class Grid:
    """Features of one image: `patches` is float32 of shape (rows * columns, channels), in row-major order."""

    patches: Tensor
    rows: int
    columns: int


class FeatureExtractor(nn.Module):
    """ResNet-18 up to layer 3. `side`: longer side of the network input in pixels."""

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
        """Features of shape 1 x 384 x H/8 x W/8 of RGB `pixels`, float32 of shape 1 x 3 x H x W, 0 to 255."""
        middle = self.layer2(self.stem((pixels / 255 - self.mean) / self.std))
        deep = functional.avg_pool2d(self.layer3(middle), 3, 1, 1)
        fine = functional.avg_pool2d(middle, 3, 1, 1)
        size = fine.shape[-2:]
        return torch.cat([fine, functional.interpolate(deep, size=size, mode="bilinear", align_corners=False)], 1)

    def grid(self, rgb: "NDArray[np.uint8]") -> Grid:
        """Features of an RGB image, H x W x 3 uint8 of any size, one patch for each 8 x 8 pixels of the input."""
        height, width = rgb.shape[:2]
        scale = self.side / max(height, width)
        rows, columns = (max(1, round(n * scale / SIDE_STEP)) * SIDE_STEP for n in (height, width))
        small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        with torch.inference_mode():
            features = self(torch.from_numpy(small).permute(2, 0, 1)[None].float())
        return Grid(features[0].flatten(1).T.contiguous(), features.shape[2], features.shape[3])


def load_extractor(weights: Path, side: int) -> FeatureExtractor:
    """The extractor with the ResNet-18 state dict in the file `weights`; `side` is in pixels.

    The file is read with weights_only, so that it cannot run code. Raises WeightsError where it does not exist, is
    not a state dict of tensors, or does not fit a ResNet-18.
    """
    _leave_one_core_free()
    net = resnet18(weights=None)
    state = _read_state(weights)
    missing = [k for k in net.state_dict() if k not in state and not k.startswith(UNUSED_LAYERS)]
    missing = [k for k in missing if not k.endswith("num_batches_tracked")]
    if missing:
        raise WeightsError(weights, f"lacks {len(missing)} tensors of a ResNet-18 ({missing[0]}, ...)", REMEDY)
    extractor = FeatureExtractor(side)
    parts = {"layer2.": extractor.layer2, "layer3.": extractor.layer3, "layer1.": extractor.stem[4]}
    parts |= {"conv1.": extractor.stem[0], "bn1.": extractor.stem[1]}
    for prefix, part in parts.items():
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        try:
            part.load_state_dict(own)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:150]
            raise WeightsError(weights, f"does not fit a ResNet-18 ({reason})", REMEDY) from None
    return extractor


def _leave_one_core_free() -> None:
    # with one thread per core, any other busy program makes all threads wait at each barrier
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
