"""Stable codes of the findings of `datasets check`. Each meaning is also in `docs/codes.md`."""

from typing import Literal

import msgspec


class CheckCode(msgspec.Struct, frozen=True):
    """Level and meaning of a code.

    An `error` makes a conversion or a training fail or give wrong results. A `warning` should be inspected. A
    `note` is legal, and every command reads it correctly: it never changes the exit status, not even with
    `--strict`.
    """

    level: Literal["error", "warning", "note"]
    meaning: str


class Finding(msgspec.Struct, frozen=True, order=True):
    """One finding: the file, the place in it, a stable code, the value found there."""

    file: str
    where: str
    code: str
    value: str

    @property
    def level(self) -> str:
        """The level of the code: error, warning or note."""
        return CHECK_CODES[self.code].level


def _error(meaning: str) -> CheckCode:
    return CheckCode("error", meaning)


def _note(meaning: str) -> CheckCode:
    return CheckCode("note", meaning)


def _warning(meaning: str) -> CheckCode:
    return CheckCode("warning", meaning)


CHECK_CODES = {
    "absent-from-split": _warning("a category has no annotation in a split"),
    "all-crowd": _error("every annotation is an ignore region; a model cannot learn from them"),
    "ambiguous-pair": _error("two files match the same partner by name"),
    "bad-mask": _error("a mask cannot be read, is coloured or has more than two values"),
    "box-and-mask": _error("a box disagrees with its mask, for example x1 y1 x2 y2 written as x y w h"),
    "box-form": _warning("all boxes also fit another form than that of their format, such as x1 y1 x2 y2"),
    "box-outlier": _warning("one box does not fit the others, or its area, but fits them as x1 y1 x2 y2"),
    "class-0-unused": _warning("no label has class 0; classes may count from 1"),
    "swapped-axes": _warning("a box agrees with its polygon only if x and y of one of them are exchanged"),
    "broken-picture": _error("an image is truncated, damaged or not an image"),
    "broken-tree": _error("the images and masks of a tree cannot be paired"),
    "broken-reference": _error("a COCO file has duplicate ids or references to unknown ids"),
    "category-order": _note("a split numbers its categories differently; they are matched by name"),
    "defect-in-train": _error("train of an MVTec tree contains a defect type; only good belongs there"),
    "duplicate-across-splits": _error("the same image is in two splits; test images leak into training"),
    "duplicate-annotation": _warning("two annotations of one category cover the same pixels"),
    "duplicate-picture": _warning("the same image occurs twice in one split"),
    "empty-label": _error("a shape has an empty label"),
    "empty-mask": _error("the mask of a defective image is empty"),
    "exif-rotated": _warning(
        "EXIF rotates an image; its annotations may refer to the stored or the shown orientation"
    ),
    "flagged-good-with-shape": _error("an image flagged good has a shape that a person drew or reviewed"),
    "flagged-type-without-shape": _error(
        "an image flagged with a defect type has no shape of a defect; conversions leave it out"
    ),
    "good-with-shapes": _error("an image in a folder named good has annotations"),
    "ids-restart": _note("a split uses image ids of another split; each split is read separately"),
    "index-prefix": _warning(
        "each line of a list of class names begins with its index, which is not part of the name"
    ),
    "inner-ring": _warning("a polygon is inside another of its annotation; if it is a hole, COCO fills it"),
    "impossible-area": _warning("an area is negative or larger than its box"),
    "labels-without-picture": _warning("a label file has no image"),
    "looks-inverted": _warning("a mask marks more than half of its image; black and white may be swapped"),
    "many-overlaps": _warning("so many boxes overlap in an image that not all pairs of annotations are compared"),
    "mask-values": _error("masks of one category mark defects by different values, which may be defect types"),
    "labelled-and-negative": _error("the same image occurs with annotations and as a negative"),
    "labelled-differently": _warning("the same image occurs twice, with other numbers of annotations"),
    "maybe-keypoints": _warning("the only one or two segments may be boxes followed by keypoints"),
    "mask-size": _error("a mask and its image differ in size"),
    "missing-mask": _error("an image has no pixel mask in a dataset folder with pixel masks"),
    "missing-picture": _error("a listed image does not exist"),
    "mixed-labels": _error("a YOLO dataset has both boxes and segments; Ultralytics drops one of them"),
    "near-duplicate-across-splits": _warning("two splits contain almost the same image"),
    "near-duplicate-picture": _warning("a split contains almost the same image twice"),
    "unknown-split": _warning("a key of data.yaml that is not a split lists images"),
    "unnamed-split": _warning("a folder called like a split has images, but data.yaml does not name it"),
    "near-identical-labels": _warning(
        "two category names are equal or differ only by case, punctuation or a letter"
    ),
    "no-category": _warning("a dataset has no category; Ultralytics cannot train on it"),
    "no-ending": _warning("a file name has no image extension"),
    "shape-lost": _warning("a shape without pixels, such as a cuboid, is left out by a conversion"),
    "image-left-out": _warning("an image whose shapes are all lost is left out by a conversion"),
    "outside-image": _warning("an annotation extends more than one pixel outside its image"),
    "overlap-of-types": _warning("annotations of two categories cover the same pixels"),
    "rejected": _warning("an image is flagged reject; conversions leave it out"),
    "rotated-box": _warning("a box has a rotation attribute; it is read as a rotated box"),
    "short-ring": _warning("a polygon has fewer than three points; it is left out"),
    "size-mismatch": _error("an image and its annotations differ in image size"),
    "small-at-training-size": _warning("a box has a side of only a few pixels at the training size"),
    "speckle": _warning("a component has only a few pixels"),
    "split-skew": _warning("a category is distributed over the splits more unevenly than by chance"),
    "swapped-corners": _warning("a box whose last corner is before its first one; it is read as if corrected"),
    "too-many-categories": _warning("more categories than a pixel mask can hold"),
    "uncertain": _warning("an image is flagged uncertain and has no shape; conversions leave it out"),
    "unlabelled": _warning("an image has no label file; it counts as a negative only if somebody inspected it"),
    "unlabelled-defect": _error("a defective image has no mask"),
    "unpaired-mask": _error("a mask has no image"),
    "unreadable-labels": _error("a label file, or a line in it, is not in the expected format"),
    "unreviewed": _warning("an image has a proposed shape or type that nobody reviewed; conversions leave it out"),
    "unusable-dataset": _error("what describes the dataset cannot be read or contradicts itself"),
    "zero-area": _error("an annotation has no area"),
}
