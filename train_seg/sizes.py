"""The usual size of the defects of each type, which the network cannot see in single pixels.

Types such as broken_large and broken_small look alike and differ only in size. The network is trained on pixels
and often gives the wrong type a high probability. Combined with the size, as in a naive Bayes classifier, it is
right more often.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from datasets.coco import CocoFile

MIN_EXAMPLES = 5  # of every type; fewer give no reliable spread
MIN_SPREAD = 0.4  # e^0.4 is a factor of 1.5: few examples can be close together by chance
TO_DEVIATION = 1.4826  # median absolute deviation to standard deviation of a normal distribution
MIN_SHARE = 1e-3  # smallest share of a type from the votes, because the network is overconfident


class TypeSize(msgspec.Struct, frozen=True):
    """Median and spread (a standard deviation) of the logarithm of a type's areas, as shares of the square."""

    median: float
    spread: float


def usual_sizes(truth: CocoFile) -> list[TypeSize]:
    """The sizes of each category of `truth`, in id order; empty if one has too few annotations."""
    longer = {image.id: max(image.height, image.width) for image in truth.images}
    sizes = []
    for category_id in truth.names():
        areas = [
            a.area / longer[a.image_id] ** 2
            for a in truth.annotations
            if a.category_id == category_id and not a.iscrowd
        ]
        logs = np.log([area for area in areas if area > 0])
        if len(logs) < MIN_EXAMPLES:
            return []
        median = float(np.median(logs))
        spread = TO_DEVIATION * float(np.median(np.abs(logs - median)))
        sizes.append(TypeSize(round(median, 4), round(max(spread, MIN_SPREAD), 4)))
    return sizes


def type_evidence(votes: NDArray[np.float64], area: float, sizes: Sequence[TypeSize]) -> NDArray[np.float64]:
    """How likely each type of a component is, as a share of the likeliest, from its votes and its area.

    `votes` are the sums of the shares of each type over its pixels, `area` is a share of the square. Without
    `sizes`, the votes alone count. All are 0 without a vote and without sizes.
    """
    if not sizes:
        return np.asarray(votes / max(float(votes.max()), 1e-12))
    shares = np.maximum(votes / max(float(votes.sum()), 1e-12), MIN_SHARE)
    away = [(math.log(area) - size.median) / size.spread for size in sizes]
    density = [-0.5 * d * d - math.log(size.spread) for d, size in zip(away, sizes, strict=True)]
    logs = np.log(shares) + density
    return np.asarray(np.exp(logs - logs.max()))


def likeliest_type(votes: NDArray[np.float64], area: float, sizes: Sequence[TypeSize]) -> int:
    """Index of the likeliest type of a component; the arguments are those of `type_evidence`."""
    return int(type_evidence(votes, area, sizes).argmax())
