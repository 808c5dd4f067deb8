"""Good pictures in, a finder of what is not like them out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.features import FeatureExtractor, load_extractor
from annotate.memory import Memory, fit_memory
from annotate.pictures import Picture
from annotate.proposals import Proposal
from annotate.regions import Limits, Region, enlarge, find_regions, learn_limits
from datasets.coco import Prediction
from datasets.images.image_file import read_rgb
from datasets.masks.rle import encode
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from annotate.features import Grid

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
SIDE = 320  # pixels
FEWEST = 5
MOST_TO_CALIBRATE = 64
TOLERANCE = 0.005  # of the longer side of a picture; the map that regions come from is five times coarser
LABEL = "defect"
MODEL = "from-good"


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds in a picture what none of the good ones has."""

    extractor: FeatureExtractor
    memory: Memory
    limits: Limits

    def regions(self, rgb: "NDArray[np.uint8]") -> list[Region]:
        """Regions of an H x W x 3 RGB picture, most unlike first; none where it looks good."""
        distances = self.memory.distances(self.extractor.grid(rgb))
        return find_regions(enlarge(distances), self.limits, rgb.shape[0], rgb.shape[1])


def fit_finder(good: Sequence[Path], weights: Path, progress: Progress, side: int = SIDE) -> Finder:
    """Learn from good pictures, and from nothing else, what good is and how far from it is too far.

    The limits come from good pictures each left out of the memory in turn. Raises InputError and WeightsError.
    """
    if len(good) < FEWEST:
        raise InputError(
            good[0].parent if good else "--from-good",
            f"{len(good)} good pictures where at least {FEWEST} are needed",
            "add more",
        )
    extractor = load_extractor(weights, side)
    step = -(-len(good) // MOST_TO_CALIBRATE)
    kept: dict[int, Grid] = {}

    def grids() -> Iterator["Grid"]:
        for i, path in enumerate(progress(good, "learning what is good", len(good))):
            grid = extractor.grid(read_rgb(path))
            if i % step == 0:
                kept[i] = grid
            yield grid

    memory = fit_memory(grids(), len(good))
    maps = [
        enlarge(memory.distances(grid, without=i))
        for i, grid in progress(kept.items(), "learning what is too far", len(kept))
    ]
    return Finder(extractor, memory, learn_limits(maps))


def outline_tolerance(height: int, width: int) -> float:
    """How far the outline of a region may be simplified, in pixels of its picture."""
    return TOLERANCE * max(height, width)


def propose_regions(finder: Finder, picture: Picture) -> list[Proposal]:
    """The regions of a picture as proposals labelled `defect`."""
    return [
        Proposal(Prediction(0, 0, (0, 0, 0, 0), region.score, encode(region.pixels)), LABEL, MODEL)
        for region in finder.regions(read_rgb(picture.path))
    ]
