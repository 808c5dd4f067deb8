"""A trained model at work: a picture of any size in, shares of background and types at that size out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from train_seg.letterbox import Letterbox
from train_seg.model import ModelSpec, load_model, read_spec
from train_seg.tiling import blend_tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Segmenter:
    """A network (N x 3 x S x S uint8 RGB to logits), what it was made for and where it computes.

    `tta`: average over the 8 symmetries of the square. `tile`: look at squares of so many pixels of the picture,
    one after the other, instead of the whole picture shrunk; None never does.
    """

    network: Network
    spec: ModelSpec
    device: torch.device
    tta: bool = False
    tile: int | None = None

    def scale(self, height: int, width: int) -> float:
        """Pixels of the network's square per pixel of a picture of height x width."""
        longer = max(height, width)
        return self.spec.imgsz / (min(longer, self.tile) if self.tile else longer)

    def shares(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        """H x W x 3 RGB to (1 + K) x H x W shares that sum to 1: background, then the types."""
        with torch.inference_mode():
            tile = self.tile if self._tiled(rgb) else None
            return _shares(blend_tiles(rgb, tile, self._restored) if tile else self._restored(rgb))

    def shares_from(self, rgb: "NDArray[np.uint8]", least: float) -> "tuple[NDArray[np.float32], int, int]":
        """The window of `shares` outside of which no pixel's defect share reaches `least`; its top and left.

        Between the pixels of the square logits are mixed, and the logit of a defect is convex in them: it reaches
        `least` only next to a pixel of the square that does, so the rest of the picture need not be worked out.
        """
        if self._tiled(rgb):
            return self.shares(rgb), 0, 0
        with torch.inference_mode():
            box, logits = self._look(rgb)
            defect = 1 - logits[0].float().softmax(0)[0]
            window, top, left = box.restore_window(logits, defect >= least - 1e-4)
            return _shares(window[0]), top, left

    def _tiled(self, rgb: "NDArray[np.uint8]") -> bool:
        return self.tile is not None and max(rgb.shape[:2]) > self.tile

    def _restored(self, rgb: "NDArray[np.uint8]") -> Tensor:
        box, logits = self._look(rgb)
        return box.restore(logits)[0]

    def _look(self, rgb: "NDArray[np.uint8]") -> tuple[Letterbox, Tensor]:
        box = Letterbox(rgb.shape[0], rgb.shape[1], self.spec.imgsz)
        square = torch.from_numpy(box.image(rgb).transpose(2, 0, 1).copy())[None].to(self.device)
        return box, averaged_logits(self.network, square) if self.tta else self.network(square)


def load_segmenter(
    weights: Path, device: torch.device, *, tta: bool = False, tile: int | None = None, exported: str | None = None
) -> Segmenter:
    """The model of a weights file, or with `exported` (onnx or openvino) what was exported beside it.

    Raises WeightsError.
    """
    if exported:
        from train_seg.exported import load_exported

        return Segmenter(load_exported(weights, exported), read_spec(weights), torch.device("cpu"), tta, tile)
    model, spec = load_model(weights)
    return Segmenter(model.to(device), spec, device, tta, tile)


def averaged_logits(network: Network, square: Tensor) -> Tensor:
    """Mean logits over the 8 rotations and mirror images of a batch of one, each turned back."""
    views = [torch.rot90(flip, k, (2, 3)) for flip in (square, square.flip(3)) for k in range(4)]
    logits = network(torch.cat(views))
    back = [torch.rot90(logits[i], -(i % 4), (1, 2)) for i in range(8)]
    return torch.stack([*back[:4], *(b.flip(2) for b in back[4:])]).mean(0, keepdim=True)


def _shares(logits: Tensor) -> "NDArray[np.float32]":
    shares: NDArray[np.float32] = logits.softmax(0).cpu().numpy()
    return shares
