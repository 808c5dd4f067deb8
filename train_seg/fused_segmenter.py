"""Several segmenters as one: the mean of the shares of background and types that they give each pixel.

Networks that differ in their seed, input size or encoder err in different places, so their mean errs less
(Lakshminarayanan et al. 2017, Deep Ensembles, https://arxiv.org/abs/1612.01474).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Category, Prediction
from train_seg.postprocess import shares_to_predictions
from train_seg.segmenter import Segmenter
from training.trainer import Predictor
from training.types_of_images import type_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.trainer import ScoreMapper


class FusedSegmenter(Predictor):
    """The mean of `members`. The pixel threshold is the mean of theirs, usual sizes of types are of the first.

    `types` is a classifier of whole images, which takes part in the choice of the type of each instance.
    """

    def __init__(self, members: Sequence[Segmenter], types: Predictor | None = None) -> None:
        self.members = members
        self.types = types
        threshold = float(np.mean([member.spec.pixel_threshold for member in members]))
        self.spec = msgspec.structs.replace(members[0].spec, pixel_threshold=threshold)
        self.categories: list[Category] = self.spec.categories
        self.default_score = threshold

    def predict(
        self, images: "Iterable[tuple[int, NDArray[np.uint8]]]", min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        """Instance masks of each image, best first."""
        for image_id, rgb in images:
            scale = self.members[0].scale(*rgb.shape[:2])
            types = None
            if self.types:
                types = type_probabilities(next(iter(self.types.predict([(image_id, rgb)]))), self.categories)
            yield shares_to_predictions(
                self.shares(rgb), image_id, self.spec, scale, min_score or 0.0, types=types
            )

    @property
    def score_mapper(self) -> "ScoreMapper":
        """1 - the share of background."""
        return lambda rgb: 1 - self.shares(rgb)[0]

    def shares(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        """H x W x 3 RGB to (1 + K) x H x W mean shares that sum to 1: background, then the types."""
        total = self.members[0].shares(rgb)
        for member in self.members[1:]:
            total = total + member.shares(rgb)
        return np.asarray(total / np.float32(len(self.members)), np.float32)
