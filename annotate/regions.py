"""From a map of distances to regions: how far is too far, by good pictures only, and how far a region goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from datasets.masks.component import fill_holes

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORK_SIDE = 225  # pixels of the enlarged map along its longer side
SMOOTHING = 2.0  # standard deviation of the Gaussian, pixels of the enlarged map
IMAGE_QUANTILE = 0.95
PIXEL_QUANTILE = 0.998
HALF = 0.5
MOST_REGIONS = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Distances learnt from good pictures that were left out of the memory one at a time.

    `usual` is their median, `floor` what few of their pixels reach, `peak` what few of them reach anywhere.
    """

    usual: float
    floor: float
    peak: float


@dataclass(frozen=True, slots=True)
class Region:
    """`pixels` is H x W bool of the picture; `score` is 0.5 at the limit and rises to 1 with the distance."""

    pixels: "NDArray[np.bool_]"
    score: float


def enlarge(distances: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """The map, enlarged and smoothed, so that outlines are not steps."""
    rows, columns = distances.shape
    scale = WORK_SIDE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    smooth: NDArray[np.float32] = cv2.GaussianBlur(
        cv2.resize(distances, size, interpolation=cv2.INTER_LINEAR), (0, 0), SMOOTHING
    )
    return smooth


def learn_limits(maps: Sequence["NDArray[np.float32]"]) -> Limits:
    """Limits from the enlarged maps of good pictures."""
    values = np.concatenate([m.ravel() for m in maps])
    usual, floor = np.quantile(values, (0.5, PIXEL_QUANTILE))
    peaks = [float(m.max()) for m in maps]
    return Limits(float(usual), float(floor), float(np.quantile(peaks, IMAGE_QUANTILE)))


def find_regions(enlarged: "NDArray[np.float32]", limits: Limits, height: int, width: int) -> list[Region]:
    """Regions of a picture of height x width pixels whose peak is above the limit, highest first.

    A region reaches to half of its peak's height above the usual distance, and never below what is usual in good
    pictures: a faint defect has a faint edge, a strong one a strong edge.
    """
    left = enlarged.copy()
    found: list[Region] = []
    while len(found) < MOST_REGIONS and (peak := float(left.max())) >= limits.peak:
        place = np.unravel_index(int(left.argmax()), left.shape)
        edge = max(limits.floor, limits.usual + HALF * (peak - limits.usual))
        region = _piece_at(enlarged > edge, place)
        left[_piece_at(enlarged > limits.floor, place)] = 0
        found.append(Region(_to_picture(region, height, width), peak / (peak + limits.peak)))
    return [region for region in found if region.pixels.any()]


def _piece_at(mask: "NDArray[np.bool_]", place: tuple[np.intp, ...]) -> "NDArray[np.bool_]":
    """The component at `place`, 8-connected, with its holes filled: a defect's middle may look good."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    piece = (labels == labels[place]) & mask
    piece[place] = True
    return fill_holes(piece)


def _to_picture(region: "NDArray[np.bool_]", height: int, width: int) -> "NDArray[np.bool_]":
    share = cv2.resize(region.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    pixels: NDArray[np.bool_] = share >= HALF
    return pixels
