"""A trained model: from an image of any size to shares of background and types, and predictions, at that size."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from datasets.coco import Category, Prediction
from features.good_map import GoodMap
from train_seg.model import ModelSpec, load_model, read_spec
from train_seg.postprocess import FAINT_SHARE, shares_to_predictions
from train_seg.shares import Shares, shares_of_logits
from train_seg.tiling import blend_tiles
from training.checked_network import checked_network
from training.exported_model import ExportFormat
from training.good_channel import load_copy, with_map
from training.letterbox import Letterbox
from training.trainer import Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

SegmenterNetwork = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Segmenter(Predictor):
    """A network (N x 3 x S x S uint8 RGB to logits), its specification and its device.

    `tta` averages over the 8 symmetries of the square. A larger image is cut into squares with a side of `tile`
    pixels instead of being shrunk as a whole; None never cuts. With `good_map`, the network has a fourth channel.
    """

    network: SegmenterNetwork
    spec: ModelSpec
    device: torch.device
    tta: bool = False
    tile: int | None = None
    good_map: GoodMap | None = None

    @property
    def categories(self) -> list[Category]:  # type: ignore[override]
        """Of the training."""
        return self.spec.categories

    @property
    def default_score(self) -> float:  # type: ignore[override]
        """The pixel threshold: only faint predictions are below it."""
        return self.spec.pixel_threshold

    def predict(
        self, images: "Iterable[tuple[int, NDArray[np.uint8]]]", min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        """Instance masks of each image, best first. Raises WeightsError if the logits are not numbers."""
        checked = replace(self, network=checked_network(self.network, "segmenter"))
        for image_id, rgb in images:
            yield checked.predict_image(rgb, image_id, min_score or 0.0)

    def predict_image(self, rgb: "NDArray[np.uint8]", image_id: int, min_score: float = 0.0) -> list[Prediction]:
        """Predictions of one H x W x 3 image."""
        height, width = rgb.shape[:2]
        shares, top, left = self.shares_from(rgb, FAINT_SHARE * self.spec.pixel_threshold)
        within = (top, left, height, width)
        return shares_to_predictions(shares, image_id, self.spec, self.scale(height, width), min_score, within)

    @property
    def score_mapper(self) -> "Callable[[NDArray[np.uint8]], NDArray[np.float32]]":
        """1 - the share of background."""
        return lambda rgb: 1 - self.shares(rgb)[0]

    def scale(self, height: int, width: int) -> float:
        """Pixels of the input square per pixel of an image of height x width."""
        longer = max(height, width)
        return self.spec.imgsz / (min(longer, self.tile) if self.tile else longer)

    def shares(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        """H x W x 3 RGB to (1 + K) x H x W shares that sum to 1: background, then the types."""
        pixels = self._input(rgb)
        with torch.inference_mode():
            tile = self.tile if self._tiled(rgb) else None
            return _shares(blend_tiles(pixels, tile, self._restored) if tile else self._restored(pixels))

    def shares_from(self, rgb: "NDArray[np.uint8]", limit: float) -> "tuple[Shares, int, int]":
        """The window of `shares` outside of which no defect share reaches `limit`, and its top and left.

        The logits are interpolated between the pixels of the square, and the logit of a defect is a convex
        function of them. It reaches `limit` only next to a pixel of the square that does, so the rest of the image
        is not computed.
        """
        pixels = self._input(rgb)
        with torch.inference_mode():
            if self.tile is not None and self._tiled(rgb):
                blended = blend_tiles(pixels, self.tile, self._restored)
                return shares_of_logits(lambda start, stop: blended[:, start:stop], *rgb.shape[:2]), 0, 0
            box, logits = self._logits(pixels)
            defect = 1 - logits[0].float().softmax(0)[0]
            window, (top, left, height, width) = box.restore_window(logits, defect >= limit - 1e-4)
            return shares_of_logits(lambda start, stop: window(start, stop)[0], height, width), top, left

    def _tiled(self, rgb: "NDArray[np.uint8]") -> bool:
        return self.tile is not None and max(rgb.shape[:2]) > self.tile

    def _input(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        """An image with the map of the whole image as a fourth channel, if the network has one."""
        return with_map(rgb, self.good_map) if self.good_map else rgb

    def _restored(self, pixels: "NDArray[np.uint8]") -> Tensor:
        box, logits = self._logits(pixels)
        return box.restore(logits)[0]

    def _logits(self, pixels: "NDArray[np.uint8]") -> tuple[Letterbox, Tensor]:
        box = Letterbox(pixels.shape[0], pixels.shape[1], self.spec.imgsz)
        padding = (*self.spec.padding, 0) if self.good_map else self.spec.padding
        square = torch.from_numpy(box.image(pixels, padding).transpose(2, 0, 1).copy())[None].to(self.device)
        return box, averaged_logits(self.network, square) if self.tta else self.network(square)


def load_segmenter(
    weights: Path,
    device: torch.device,
    *,
    tta: bool = False,
    tile: int | None = None,
    exported: ExportFormat | None = None,
) -> Segmenter:
    """The model of a weights file, or with `exported` the exported model in the same folder.

    Raises OptionError, WeightsError.
    """
    if exported:
        from train_seg.exported import load_exported

        spec, cpu = read_spec(weights), torch.device("cpu")
        return Segmenter(load_exported(weights, exported), spec, cpu, tta, tile, good_map_of(weights, spec))
    model, spec = load_model(weights)
    return Segmenter(model.to(device), spec, device, tta, tile, good_map_of(weights, spec))


def good_map_of(weights: Path, spec: ModelSpec) -> GoodMap | None:
    """The map of the fourth channel of the model of a weights file; None without one. Raises WeightsError."""
    return load_copy(weights.parent, spec.good_map) if spec.good_map else None


def averaged_logits(network: SegmenterNetwork, square: Tensor) -> Tensor:
    """Mean logits over the 8 rotations and mirror images of a batch of one, each rotated back."""
    views = [torch.rot90(flip, k, (2, 3)) for flip in (square, square.flip(3)) for k in range(4)]
    logits = network(torch.cat(views))
    back = [torch.rot90(logits[i], -(i % 4), (1, 2)) for i in range(8)]
    return torch.stack([*back[:4], *(b.flip(2) for b in back[4:])]).mean(0, keepdim=True)


def _shares(logits: Tensor) -> "NDArray[np.float32]":
    shares: NDArray[np.float32] = logits.softmax(0).cpu().numpy()
    return shares
