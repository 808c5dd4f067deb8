"""The SMOTE step: imbalanced-learn chooses the two parents of each new image and the share of each.

Source: Chawla et al., SMOTE: Synthetic Minority Over-sampling Technique, JAIR 2002.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBOURS = 5  # from which SMOTE draws the second parent, as published


@dataclass(frozen=True, slots=True)
class Parents:
    """The two parents of each new image, as numbers among the images given, and the share of the first one.

    A new image is `share` of the first parent and 1 - `share` of the second; `share` is at least one half. Both
    parents are the same image if their codes are equal or the share is 1.
    """

    first: "NDArray[np.intp]"
    second: "NDArray[np.intp]"
    share: "NDArray[np.float64]"

    def mix(self, values: "NDArray[np.floating]") -> "NDArray[np.floating]":
        """The values of the new images from `values` of the given ones, whose first axis is the image."""
        share = self.share.reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype)
        mixed: NDArray[np.floating] = share * values[self.first] + (1 - share) * values[self.second]
        return mixed


def choose_parents(codes: "NDArray[np.floating]", count: int, seed: int) -> Parents:
    """The parents of `count` new images of a type from the codes (N x D, N at least 2) of its images.

    SMOTE runs on the rows of an identity matrix with the neighbours of the codes, so each new row contains the
    shares of its parents. With fewer than six images, every other image is a neighbour.
    """
    from imblearn.over_sampling import SMOTE
    from sklearn.neighbors import NearestNeighbors

    class NeighboursOfCodes(NearestNeighbors):  # type: ignore[misc]
        """Nearest neighbours of fixed points; the points passed to it are ignored."""

        def __init__(self, points: "NDArray[np.floating] | None" = None, n_neighbors: int = NEIGHBOURS) -> None:
            super().__init__(n_neighbors=n_neighbors)
            self.points = points

        def fit(self, _rows: object, _types: object = None) -> "NeighboursOfCodes":
            super().fit(self.points)
            return self

        def kneighbors(self, _rows: object = None, *arguments: object, **options: object) -> object:
            return super().kneighbors(self.points, *arguments, **options)

    members = len(codes)
    itself_too = min(NEIGHBOURS, members - 1) + 1
    smote = SMOTE(
        sampling_strategy={1: members + count},
        k_neighbors=NeighboursOfCodes(codes, itself_too),
        random_state=seed,
    )
    other_type = np.zeros((1, members))  # SMOTE refuses a single type
    rows = np.vstack([np.eye(members), other_type])
    made, _ = smote.fit_resample(rows, np.array([1] * members + [0]))
    shares = made[members + 1 :]
    first = shares.argmax(axis=1)
    share = shares[np.arange(count), first]
    rest = shares.copy()
    rest[np.arange(count), first] = 0
    second = np.where(rest.any(axis=1), rest.argmax(axis=1), first)
    return Parents(first, second, share)
