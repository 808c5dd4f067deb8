"""Find regions that differ from good images: learn from good images only, then propose regions of other images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from annotate.folder_images import FolderImage
from annotate.good_images import ENCODER, check_enough
from annotate.proposals import Proposal
from datasets.coco import Prediction
from datasets.images.bit_depth import IntensityRange
from datasets.images.pixels import read_rgb
from datasets.masks.rle import encode
from features.encoder import load_encoder
from features.memory import Memory, fit_memory
from features.names import RESNET_WEIGHTS_REMEDY
from features.other_part import MIN_GOOD_IMAGES as FEWEST_FOR_PART
from features.other_part import TOO_FEW, UNTRAINED, Difference, GoodPart, is_untrained, learn_part, nearest_tenth
from features.patches import PatchFeatures, leave_one_core_free
from features.regions import DistanceLimits, Region, enlarge, find_regions, learn_limits
from system.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from features.patches import Grid

LAYERS = ("8", "16")  # strides
SIDE = 320  # longer side of the network input in pixels
MAX_CALIBRATION_IMAGES = 64
TOLERANCE = 0.005  # fraction of the longer side of an image; the distance map is five times coarser
LABEL = "defect"
MODEL = "from-good"


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds regions of an image that differ from all good images.

    `intensities` scales good images and others with more than 8 bits per channel (datasets.images.bit_depth);
    `side` is the longer side of the network input in pixels. `part` recognises images of another part; without it,
    `unchecked` states why.
    """

    extractor: PatchFeatures
    memory: Memory
    limits: DistanceLimits
    intensities: Sequence[IntensityRange] = ()
    side: int = SIDE
    part: GoodPart | None = None
    unchecked: str = ""

    def regions(self, rgb: "NDArray[np.uint8]") -> list[Region]:
        """Regions of an RGB image, H x W x 3 uint8, largest distance first; empty if the image looks good."""
        return self.inspect(rgb)[0]

    def inspect(self, rgb: "NDArray[np.uint8]") -> tuple[list[Region], Difference]:
        """The regions of an RGB image, and whether it shows another part than the good images."""
        grid = self.extractor.grid(rgb, self.side)
        distances = self.memory.distances(grid)
        regions = find_regions(enlarge(distances), self.limits, rgb.shape[0], rgb.shape[1])
        return regions, self.part.compare(grid, distances) if self.part else "none"


def fit_finder(
    good: Sequence[Path],
    weights: Path | str,
    progress: Progress,
    side: int = SIDE,
    *,
    intensities: Sequence[IntensityRange] = (),
) -> Finder:
    """Learn the features of good patches, and the distance from which a patch is a defect, from good images only.

    The limits are learnt by leaving each good image out of the memory in turn. `side` is in pixels; `intensities`
    are the ranges by which images with more than 8 bits per channel are scaled. Raises InputError for fewer than 5
    good images or an image that cannot be read, WeightsError for `weights` that cannot be used. `weights` is a
    file or `imagenet`, downloaded or from the cache of torchvision.
    """
    check_enough(good, good[0].parent if good else "--from-good")
    leave_one_core_free()
    encoder, _ = load_encoder(ENCODER, str(weights), LAYERS, RESNET_WEIGHTS_REMEDY)
    extractor = PatchFeatures(encoder)
    step = -(-len(good) // MAX_CALIBRATION_IMAGES)
    kept: dict[int, Grid] = {}
    means: list[Tensor] = []

    def grids() -> Iterator["Grid"]:
        for i, path in enumerate(progress(good, "reading good images", len(good))):
            grid = extractor.grid(read_rgb(path, intensities), side)
            means.append(grid.patches.mean(0))
            if i % step == 0:
                kept[i] = grid
            yield grid

    memory = fit_memory(grids(), len(good))
    distances = [
        memory.distances(grid, without=i) for i, grid in progress(kept.items(), "learning the limits", len(kept))
    ]
    limits = learn_limits([enlarge(one) for one in distances])
    unchecked = TOO_FEW if len(good) < FEWEST_FOR_PART else UNTRAINED if is_untrained(encoder) else ""
    part = None if unchecked else learn_part(means, [nearest_tenth(one) for one in distances])
    return Finder(extractor, memory, limits, intensities, side, part, unchecked)


def outline_tolerance(height: int, width: int) -> float:
    """Largest distance in pixels by which simplification may move the outline of a region."""
    return TOLERANCE * max(height, width)


def propose_regions(finder: Finder, image: FolderImage) -> list[Proposal]:
    """The regions of an image as proposals labelled `defect`. Raises InputError if it cannot be read."""
    return inspect_image(finder, image)[0]


def inspect_image(finder: Finder, image: FolderImage) -> tuple[list[Proposal], Difference]:
    """The proposals of an image, and whether it shows another part than the good images.

    Raises InputError if it cannot be read.
    """
    regions, difference = finder.inspect(read_rgb(image.path, finder.intensities))
    proposals = [
        Proposal(Prediction(0, 0, (0, 0, 0, 0), region.score, encode(region.pixels)), LABEL, MODEL)
        for region in regions
    ]
    return proposals, difference
