"""Turn a map of distances to good patches into regions, with limits learnt from good images only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import cv2
import msgspec
import numpy as np

from datasets.masks.component import fill_holes

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAP_SIDE = 225  # longer side of the enlarged map in pixels
SMOOTHING_PIXELS = 2.0  # standard deviation of the Gaussian on the enlarged map
IMAGE_QUANTILE = 0.95
PIXEL_QUANTILE = 0.998
HALF = 0.5
MAX_REGIONS = 20


@dataclass(frozen=True, slots=True)
class DistanceLimits:
    """Distances learnt from good images, each left out of the memory in turn.

    `usual` is the median over pixels, `floor` their 99.8 % quantile, `peak` the 95 % quantile of the image maxima.
    """

    usual: float
    floor: float
    peak: Annotated[float, msgspec.Meta(gt=0)]  # checked where it is read from a file


@dataclass(frozen=True, slots=True)
class Region:
    """`pixels` is a bool mask, H x W of the image; `score` is 0.5 at the limit and tends to 1 above it."""

    pixels: "NDArray[np.bool_]"
    score: float


def enlarge(distances: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """Enlarge and smooth a map (rows x columns float32) to 225 pixels on the longer side, for smooth outlines."""
    rows, columns = distances.shape
    scale = MAP_SIDE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    smooth: NDArray[np.float32] = cv2.GaussianBlur(
        cv2.resize(distances, size, interpolation=cv2.INTER_LINEAR), (0, 0), SMOOTHING_PIXELS
    )
    return smooth


def learn_limits(maps: Sequence["NDArray[np.float32]"]) -> DistanceLimits:
    """Limits from the enlarged maps (float32, any sizes) of at least one good image."""
    values = np.concatenate([m.ravel() for m in maps])
    usual, floor = np.quantile(values, (0.5, PIXEL_QUANTILE))
    peaks = [float(m.max()) for m in maps]
    return DistanceLimits(float(usual), float(floor), float(np.quantile(peaks, IMAGE_QUANTILE)))


def find_regions(
    enlarged: "NDArray[np.float32]",
    limits: DistanceLimits,
    height: int,
    width: int,
    *,
    lowest: float | None = None,
    always: bool = False,
) -> list[Region]:
    """At most 20 regions whose peak is at least `lowest`, highest first, in an image of height x width pixels.

    `lowest` is `limits.peak` by default; with `always`, the highest region is listed even below it. A peak that
    does not exceed `floor` (or `limits.peak` if that is lower) is noise of good images and not listed. A region
    ends where the distance falls to half the height of its peak above the usual distance, but never below this
    floor: a faint defect has a faint edge, a strong defect a strong edge.
    """
    floor = min(limits.floor, limits.peak)
    least = limits.peak if lowest is None else max(lowest, min(float(np.nextafter(floor, np.inf)), limits.peak))
    remaining = enlarged.copy()
    regions: list[Region] = []
    while len(regions) < MAX_REGIONS:
        peak = float(remaining.max())
        if peak <= 0 or (peak < least and not (always and not regions)):
            break
        place = np.unravel_index(int(remaining.argmax()), remaining.shape)
        edge = max(floor, limits.usual + HALF * (peak - limits.usual))
        piece = _component_at(enlarged > edge, place)
        remaining[_component_at(enlarged > floor, place)] = 0
        regions.append(Region(_to_image(piece, height, width), peak / (peak + limits.peak)))
    return [region for region in regions if region.pixels.any()]


def _component_at(mask: "NDArray[np.bool_]", place: tuple[np.intp, ...]) -> "NDArray[np.bool_]":
    """The 8-connected component at `place` with its holes filled, because the middle of a defect may look good."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    piece = (labels == labels[place]) & mask
    piece[place] = True
    return fill_holes(piece)


def _to_image(region: "NDArray[np.bool_]", height: int, width: int) -> "NDArray[np.bool_]":
    share = cv2.resize(region.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    pixels: NDArray[np.bool_] = share >= HALF
    return pixels
