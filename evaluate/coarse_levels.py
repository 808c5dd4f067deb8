"""Fewer score levels for the histograms of each image, chosen by the scores that occur.

A bootstrap needs the histograms of each image at once, which with all levels would take 1.5 MB an image. Levels of
equal width alone fail where a model's scores are close together: all of them can be one level.
"""

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 65536
FIRST = 32  # images whose scores choose the levels; their histograms are held whole until then
EQUAL = 256  # levels for each of: equal width, equal numbers of defect pixels, of other pixels, equal overlap


class Histograms(msgspec.Struct, frozen=True):
    """How many pixels have each score level: of defects, of the rest, and of each component as a part of it."""

    defect: "NDArray[np.float64]"
    good: "NDArray[np.float64]"
    overlap: "NDArray[np.float64]"
    components: int

    def __add__(self, other: "Histograms") -> "Histograms":
        return Histograms(
            self.defect + other.defect,
            self.good + other.good,
            self.overlap + other.overlap,
            self.components + other.components,
        )


class CoarseHistograms:
    """Collects the histograms of images one by one, with at most 4 * EQUAL levels from the 33rd image on."""

    def __init__(self) -> None:
        self._whole: list[Histograms] = []
        self._coarse: list[Histograms] = []
        self._starts: NDArray[np.intp] | None = None

    def add(self, one: Histograms) -> None:
        """Add an image with all its LEVELS levels."""
        if self._starts is not None:
            self._coarse.append(coarser(one, self._starts))
            return
        self._whole.append(one)
        if len(self._whole) == FIRST:
            self._choose()

    def images(self) -> list[Histograms]:
        """The histograms of each image, all with the same levels."""
        if self._starts is None and self._whole:
            self._choose()
        return self._coarse

    def _choose(self) -> None:
        total = sum(self._whole[1:], self._whole[0])
        self._starts = level_starts(total)
        self._coarse = [coarser(one, self._starts) for one in self._whole]
        self._whole = []


def level_starts(total: Histograms) -> "NDArray[np.intp]":
    """Lowest of the LEVELS levels of each coarse level, rising from 0."""
    starts = [np.arange(0, LEVELS, LEVELS // EQUAL)]
    for counts in (total.defect, total.good, total.overlap):
        if counts.any():
            shares = np.cumsum(counts) / counts.sum()
            starts.append(np.searchsorted(shares, np.arange(EQUAL) / EQUAL, side="right"))
    return np.unique(np.concatenate(starts))


def coarser(one: Histograms, starts: "NDArray[np.intp]") -> Histograms:
    """The same pixels in the levels that begin at `starts`."""
    defect, good, overlap = (np.add.reduceat(part, starts) for part in (one.defect, one.good, one.overlap))
    return Histograms(defect, good, overlap, one.components)
