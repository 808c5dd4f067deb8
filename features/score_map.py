"""From the network of a comparison with good images to the distances and scores of the pixels of an image."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from features.input_frame import InputFrame, to_tensor
from features.regions import DistanceLimits

if TYPE_CHECKING:
    from numpy.typing import NDArray

Enlarging = Literal["linear", "cubic"]  # how distances are enlarged to the input; linear before there was a choice
INTERPOLATION = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}
DistanceNetwork = Callable[[Tensor], Tensor]  # N x 3 x rows x columns uint8 to distances N x h x w


class MapOptions(Protocol):
    """`smoothing` is the standard deviation of the blur, as a share of the longer side."""

    @property
    def smoothing(self) -> float: ...  # noqa: D102


class MapSpec(Protocol):
    """What the map of a network depends on: the size of its input, its options, limits and interpolation."""

    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def columns(self) -> int: ...  # noqa: D102
    @property
    def options(self) -> MapOptions: ...  # noqa: D102
    @property
    def limits(self) -> DistanceLimits | None: ...  # noqa: D102
    @property
    def enlarging(self) -> Enlarging: ...  # noqa: D102


def image_distances(
    network: DistanceNetwork, rgb: "NDArray[np.uint8]", spec: MapSpec, device: torch.device | str = "cpu"
) -> "NDArray[np.float32]":
    """The smoothed distances of an H x W x 3 image, at the resolution of the input, without its padding."""
    frame = InputFrame(rgb.shape[0], rgb.shape[1], spec.rows, spec.columns)
    pixels = to_tensor(frame.to_input(rgb)[None]).to(device)
    with torch.inference_mode():
        raw = network(pixels)[0].float().cpu().numpy()
    return smoothed(raw, frame, spec.options.smoothing, spec.enlarging)


def score_map(
    network: DistanceNetwork, rgb: "NDArray[np.uint8]", spec: MapSpec, device: torch.device | str = "cpu"
) -> "NDArray[np.float32]":
    """H x W float32, 0 to 1, 0.5 at the threshold, of an H x W x 3 image; `spec` has limits."""
    assert spec.limits is not None
    scores = to_scores(image_distances(network, rgb, spec, device), spec.limits.peak)
    size = rgb.shape[1], rgb.shape[0]
    return np.asarray(cv2.resize(scores, size, interpolation=cv2.INTER_LINEAR), np.float32)


def smoothed(
    raw: "NDArray[np.float32]", frame: InputFrame, smoothing: float, enlarging: Enlarging
) -> "NDArray[np.float32]":
    """Distances h x w of a whole input, enlarged to its resolution, cut to the image and blurred; at least 0."""
    enlarged = cv2.resize(raw, (frame.columns, frame.rows), interpolation=INTERPOLATION[enlarging])
    above = np.maximum(np.asarray(enlarged, np.float32), 0)  # a cubic curve can fall below the distances beside it
    cut = np.ascontiguousarray(frame.crop(above))
    sigma = smoothing * max(cut.shape)
    return np.asarray(cv2.GaussianBlur(cut, (0, 0), sigma) if sigma else cut, np.float32)


def to_scores(distances: "NDArray[np.float32]", limit: float) -> "NDArray[np.float32]":
    """Distances of at least 0 as scores: d / (d + limit)."""
    return np.asarray(distances / (distances + np.float32(limit)), np.float32)
