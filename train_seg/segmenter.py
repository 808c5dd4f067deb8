"""A trained model at work: a picture of any size in, shares of background and types at that size out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from train_seg.letterbox import Letterbox
from train_seg.model import ModelSpec, UNet, load_model

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Segmenter:
    """A model, what it was made for and where it computes. `tta`: average over the 8 symmetries of the square."""

    model: UNet
    spec: ModelSpec
    device: torch.device
    tta: bool = False

    @property
    def category_ids(self) -> list[int]:
        """Category id of each type in the order of the shares."""
        return [c.id for c in self.spec.categories]

    def shares(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        """H x W x 3 RGB to (1 + K) x H x W shares that sum to 1: background, then the types."""
        box = Letterbox(rgb.shape[0], rgb.shape[1], self.spec.imgsz)
        square = torch.from_numpy(box.image(rgb).transpose(2, 0, 1).copy())[None].to(self.device)
        with torch.inference_mode():
            logits = averaged_logits(self.model, square) if self.tta else self.model(square)
            shares: NDArray[np.float32] = box.restore(logits).softmax(1)[0].cpu().numpy()
        return shares


def load_segmenter(weights: Path, device: torch.device, *, tta: bool = False) -> Segmenter:
    """The model in a weights file, ready to use. Raises WeightsError."""
    model, spec = load_model(weights)
    return Segmenter(model.to(device), spec, device, tta)


def averaged_logits(model: UNet, square: Tensor) -> Tensor:
    """Mean logits over the 8 rotations and mirror images of a batch of one, each turned back."""
    views = [torch.rot90(flip, k, (2, 3)) for flip in (square, square.flip(3)) for k in range(4)]
    logits = model(torch.cat(views))
    back = [torch.rot90(logits[i], -(i % 4), (1, 2)) for i in range(8)]
    return torch.stack([*back[:4], *(b.flip(2) for b in back[4:])]).mean(0, keepdim=True)
