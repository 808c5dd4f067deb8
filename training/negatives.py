"""Choose the images of the train split that are used in a training.

A detector learns from defects: too many good images swamp the few defects, none at all causes false alarms.
"""

import random
from collections.abc import Callable

import msgspec

from datasets.coco import CocoFile, Image
from system.errors import OptionError
from training.options import SharedOptions


class ImageChoice(msgspec.Struct, frozen=True):
    """How a trainer chooses its training images: none where the split has no `needed` to learn from.

    `needed` completes `no ... to learn from` in messages.
    """

    needed: str
    choose: Callable[[CocoFile, SharedOptions], list[Image]]


def defects_and_negatives(train: CocoFile, options: SharedOptions) -> list[Image]:
    """Every defective image and as many negatives as `options` ask for; none where no image is defective.

    Raises OptionError if `options.negatives` is not a number of negatives.
    """
    return choose_negatives(train, options.negatives, options.seed) if train.defective() else []


DEFECTS_AND_NEGATIVES = ImageChoice("annotation", defects_and_negatives)


def choose_negatives(coco: CocoFile, how_many: str, seed: int) -> list[Image]:
    """The images of a training split that are used: every defective image and some negatives, in file order.

    `how_many` is `all`, a whole number N, or a ratio like 0.5 or 1.0 of negatives to defective images. An image
    with only ignore regions is neither (see `only_ignored`). Raises OptionError if `how_many` is none of these.
    """
    defective = coco.defective()
    annotated = {annotation.image_id for annotation in coco.annotations}
    negatives = [image for image in coco.images if image.id not in annotated]
    count = min(_count(how_many, len(defective), len(negatives)), len(negatives))
    chosen = {image.id for image in random.Random(seed).sample(negatives, count)}  # noqa: S311
    return [image for image in coco.images if image.id in defective or image.id in chosen]


def only_ignored(coco: CocoFile) -> list[Image]:
    """The images whose annotations are all ignore regions: neither defective nor usable as negatives."""
    ignored = coco.only_ignored()
    return [image for image in coco.images if image.id in ignored]


def check_negatives(how_many: str) -> None:
    """Raise OptionError if `how_many` is not a number of negatives."""
    _count(how_many, 0, 0)


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
