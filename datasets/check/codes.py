"""The stable codes of what `datasets check` finds; `docs/codes.md` explains them to users."""

from typing import Literal

import msgspec


class CheckCode(msgspec.Struct, frozen=True):
    """An `error` makes a conversion or a training fail or lie, a `warning` is to be looked at."""

    level: Literal["error", "warning"]
    meaning: str


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing found: in which file, where in it, a stable code, the value."""

    file: str
    where: str
    code: str
    value: str

    @property
    def level(self) -> str:
        """Level of its code."""
        return CHECK_CODES[self.code].level


def _error(meaning: str) -> CheckCode:
    return CheckCode("error", meaning)


def _warning(meaning: str) -> CheckCode:
    return CheckCode("warning", meaning)


CHECK_CODES = {
    "absent-from-split": _warning("category that a split with images does not have"),
    "all-crowd": _error("dataset whose annotations are all ignore regions; nothing can be learnt from it"),
    "ambiguous-pair": _error("two files that claim the same partner by name"),
    "bad-mask": _error("mask that cannot be read, is coloured or has more than two values"),
    "box-and-mask": _error("box that disagrees with its mask, such as x1 y1 x2 y2 written as x y w h"),
    "broken-picture": _error("picture that is truncated, damaged or no picture"),
    "broken-tree": _error("tree whose images and masks do not pair by its layout"),
    "broken-reference": _error("COCO file whose ids repeat or lead nowhere"),
    "category-order": _warning("category that another split numbers differently; matched by name"),
    "defect-in-train": _error("defect type inside train of an MVTec tree, where only good belongs"),
    "duplicate-across-splits": _error("same picture in two splits: what is tested was trained on"),
    "duplicate-annotation": _warning("annotation of the same category on the same pixels as another"),
    "duplicate-picture": _warning("same picture twice in one split"),
    "empty-label": _error("shape whose label is empty"),
    "empty-mask": _error("mask of a defect image without a defect"),
    "exif-rotated": _warning("picture that EXIF turns: annotations may be meant of it as stored or as shown"),
    "flagged-good-with-shape": _error("image flagged good that has a shape a person drew or reviewed"),
    "good-with-shapes": _error("image in a folder called good that has annotations"),
    "ids-restart": _warning("image ids that another split uses too; each split is read by its own"),
    "impossible-area": _warning("area that is larger than its box"),
    "labels-without-picture": _warning("label file beside which no picture lies"),
    "mask-size": _error("mask that is not as large as its picture"),
    "missing-mask": _error("image without a pixel mask in a dataset folder that has them"),
    "missing-picture": _error("picture that is listed but not there"),
    "mixed-labels": _error("YOLO boxes and segments in one dataset; Ultralytics drops one kind"),
    "near-duplicate-across-splits": _warning("almost the same picture in two splits"),
    "near-duplicate-picture": _warning("almost the same picture twice in one split"),
    "unknown-split": _warning("folder or list of images under a key of data.yaml that names no split"),
    "near-identical-labels": _warning("two category names that differ by case, signs or a letter"),
    "no-ending": _warning("file name without the ending of an image"),
    "outside-image": _warning("annotation that leads more than a pixel outside its image"),
    "overlap-of-types": _warning("two categories on the same pixels"),
    "rejected": _warning("image flagged reject; a conversion leaves it out"),
    "rotated-box": _warning("box that an attribute rotates; read as the rotated box"),
    "short-ring": _warning("polygon of fewer than three points; left out"),
    "size-mismatch": _error("picture of another size than its annotations say"),
    "small-at-training-size": _warning("box with a side of few pixels at the training size"),
    "speckle": _warning("component of few pixels"),
    "split-skew": _warning("category shared out over the splits unlike chance would"),
    "uncertain": _warning("image flagged uncertain without a shape; a conversion leaves it out"),
    "unlabelled": _warning("picture without a label file: a negative only if somebody looked"),
    "unlabelled-defect": _error("defect image without a mask"),
    "unpaired-mask": _error("mask without an image"),
    "unreadable-labels": _error("label file, or line in it, that is not in its format"),
    "zero-area": _error("annotation without area"),
}
