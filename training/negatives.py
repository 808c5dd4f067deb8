"""How many negatives join the training: all of them is slow and drowns few defects, none teaches false alarms."""

import random

from datasets.coco import CocoFile, Image
from system.errors import OptionError


def choose_negatives(coco: CocoFile, how_many: str, seed: int) -> list[Image]:
    """The images of a training split that take part: every one with annotations and some negatives, in id order.

    `how_many` is `all`, a whole number N, or a ratio like 0.5 or 1.0 of negatives to images with annotations.
    Raises OptionError.
    """
    defective = {annotation.image_id for annotation in coco.annotations}
    negatives = [image for image in coco.images if image.id not in defective]
    count = min(_count(how_many, len(defective), len(negatives)), len(negatives))
    chosen = {image.id for image in random.Random(seed).sample(negatives, count)}  # noqa: S311
    return [image for image in coco.images if image.id in defective or image.id in chosen]


def _count(how_many: str, defective: int, negatives: int) -> int:
    if how_many == "all":
        return negatives
    try:
        if how_many.isdigit():
            return int(how_many)
        ratio = float(how_many)
        if 0 <= ratio < float("inf"):
            return round(ratio * defective)
    except ValueError:
        pass
    raise OptionError(
        f"--negatives {how_many}", "not a number of negatives", "give all, a count or a ratio like 0.5"
    )
