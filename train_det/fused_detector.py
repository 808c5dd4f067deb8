"""Several predictors of boxes as one, refined by the masks of a segmenter and the types of a classifier."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from datasets.coco import Category, Prediction
from evaluate.values import DEFAULT_SCORE_THRESHOLD
from train_det.box_fusion import fuse_boxes, refine_boxes
from training.trainer import Predictor
from training.types_of_images import retype, type_probabilities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 8  # images, as many as a detector predicts together


class FusedDetector(Predictor):
    """The boxes of `members` fused; `refine` gives masks, whose boxes replace those that they overlap.

    `types` is a classifier of whole images, which corrects the types.
    """

    default_score = DEFAULT_SCORE_THRESHOLD

    def __init__(
        self, members: Sequence[Predictor], refine: Predictor | None, types: Predictor | None = None
    ) -> None:
        self.members = members
        self.refine = refine
        self.types = types
        self.categories: list[Category] = list(members[0].categories)

    def predict(
        self, images: "Iterable[tuple[int, NDArray[np.uint8]]]", min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        """Boxes of each image, best first."""
        waiting = iter(images)
        while batch := list(islice(waiting, BATCH)):
            of_members = [list(member.predict(batch)) for member in self.members]
            masks = list(self.refine.predict(batch, self.refine.default_score)) if self.refine else None
            scores = list(self.types.predict(batch)) if self.types else None
            for number in range(len(batch)):
                found = fuse_boxes([of_member[number] for of_member in of_members])
                if masks is not None:
                    found = refine_boxes(found, masks[number])
                if scores is not None:
                    found = retype(found, type_probabilities(scores[number], self.categories))
                yield [p for p in found if p.score >= (min_score or 0.0)]
