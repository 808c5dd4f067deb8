"""Whether an image shows another part than the good images, or the same part by another camera or light.

A defect changes some patches of an image. Another part changes nearly all of them: even the nearest tenth of its
patches is farther from good patches than in any good image, and so is the mean of all its patches. The limits are
those of the good images, each compared with the others; docs/loop.md has the measured values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from features.patches import Grid

MIN_GOOD_IMAGES = 20  # the largest value of a few is a poor limit for others
NEAR_QUANTILE = 0.1
NEAR_FACTOR = 1.15  # times the largest value of a good image
MEAN_FACTOR = 1.4
MEAN_FACTOR_ALONE = 5.0  # for another part on the same background, whose patches are near
CLEAR_NEAR_FACTOR = 2.0
CLEAR_MEAN_FACTOR_ALONE = 8.0
FOLDER_SHARE, FOLDER_MINIMUM = 0.2, 3  # of possible images; the largest defect of 63 bottles is one
Difference = Literal["none", "possible", "clear"]
TOO_FEW = f"there are fewer than {MIN_GOOD_IMAGES} good images"
UNTRAINED = "the weights of the network are untrained"


@dataclass(frozen=True, slots=True)
class GoodPart:
    """The part that the good images show.

    `means` (N x C float32) are the mean patches of the good images. `near` and `mean` are the largest values of a
    good image that is compared with the others.
    """

    means: Tensor
    near: float
    mean: float

    def compare(self, grid: "Grid", distances: "NDArray[np.float32]") -> Difference:
        """Whether an image shows another part; `distances` are those of its patches `grid` to good patches.

        A very large defect is possibly another part, never clearly.
        """
        near = nearest_tenth(distances) / self.near
        mean = float(torch.cdist(grid.patches.mean(0)[None], self.means).min()) / self.mean
        if (near > CLEAR_NEAR_FACTOR and mean > MEAN_FACTOR) or mean > CLEAR_MEAN_FACTOR_ALONE:
            return "clear"
        is_possible = (near > NEAR_FACTOR and mean > MEAN_FACTOR) or mean > MEAN_FACTOR_ALONE
        return "possible" if is_possible else "none"


def other_images(differences: Mapping[str, Difference]) -> list[str]:
    """The names of images of another part: the clear ones, and the possible ones if a folder has many of both."""
    different = [name for name, one in differences.items() if one != "none"]
    if len(different) >= FOLDER_MINIMUM and len(different) > FOLDER_SHARE * len(differences):
        return different
    return [name for name in different if differences[name] == "clear"]


def learn_part(means: Sequence[Tensor], nearest_tenths: Sequence[float]) -> GoodPart:
    """The part of good images, by the mean patch of each and `nearest_tenth` of some, compared with the rest."""
    known = torch.stack(list(means))
    between = torch.cdist(known, known).fill_diagonal_(float("inf"))
    tiny = torch.finfo(torch.float32).tiny  # of equal images
    return GoodPart(known, max(*nearest_tenths, tiny), max(float(between.min(1).values.max()), tiny))


def nearest_tenth(distances: "NDArray[np.float32]") -> float:
    """The distance within which the nearest tenth of the patches is."""
    import numpy as np

    return float(np.quantile(distances, NEAR_QUANTILE))


def is_untrained(network: nn.Module) -> bool:
    """Whether all batch normalisations have the statistics with which they start; False without any."""
    norms = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    return bool(norms) and all(
        one.running_mean is not None and one.running_var is not None
        and bool((one.running_mean == 0).all()) and bool((one.running_var == 1).all())
        for one in norms
    )  # fmt: skip
