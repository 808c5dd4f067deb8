"""Stable codes of what conversions repair, lose and note. Each meaning is also in `docs/codes.md`."""

from typing import Literal

import msgspec


class Code(msgspec.Struct, frozen=True):
    """Kind and meaning of a code.

    `lost`: ground truth is missing in the output. `repaired`: it is in the output, but changed. `note`: neither.
    """

    kind: Literal["lost", "repaired", "note"]
    meaning: str


CODES = {
    "bad-input": Code("lost", "a file could not be converted and was left out (--skip-bad)"),
    "area-recomputed": Code(
        "repaired",
        "an area that is impossible for its box was replaced by the pixel count of the mask, or by w * h",
    ),
    "box-form": Code("note", "all boxes also fit another form, such as corners; the form of the format was used"),
    "box-from-mask": Code(
        "repaired", "a box that disagrees with its mask was replaced by the extents of the mask"
    ),
    "box-outlier": Code(
        "note", "one box does not fit the others, or its area, but fits them as x1 y1 x2 y2; it was kept"
    ),
    "class-0-unused": Code("note", "no label has class 0; classes may count from 1"),
    "swapped-axes": Code("note", "a box agrees with its polygon only if x and y of one of them are exchanged"),
    "category-order": Code(
        "note", "a file numbers its categories differently from the first one; they were matched by name"
    ),
    "crowd-as-instance": Code("repaired", "a crowd annotation became an ordinary one (--crowd instance)"),
    "crowd-kept": Code("note", "a crowd annotation was kept as an ignore region"),
    "joined-category": Code("repaired", "two categories with the same name were joined"),
    "category-of-no-defect": Code("note", "a category is called like the absence of a defect; it is kept"),
    "similar-categories": Code("note", "names of categories differ only in case; they stay different categories"),
    "inner-ring": Code(
        "note", "a polygon is inside another of its annotation and adds no pixels; if it is a hole, it is filled"
    ),
    "index-prefix": Code("repaired", "the index before each name in a list of class names was removed"),
    "no-ending": Code("repaired", "a file name without an image extension got the one that fits its content"),
    "root-category": Code("note", "a category that only groups the others and has no annotations was left out"),
    "rotated-box": Code("repaired", "a rotation attribute was applied to a box"),
    "short-ring": Code("repaired", "a polygon of fewer than three points was left out"),
    "split-kept": Code("note", "the splits of the source were kept"),
    "splits-joined": Code("note", "the splits were joined into one file; the destination has none"),
    "split-made": Code("note", "the source has fewer than two named splits; images were split by defect type"),
    "below-min-area": Code("lost", "a component with fewer pixels than --min-area was dropped"),
    "box-as-segment": Code("repaired", "an annotation without a mask was written as the four corners of its box"),
    "clipped": Code("repaired", "the part of an annotation outside the image was cut off"),
    "crowd": Code("lost", "a crowd annotation was left out; the destination has no ignore regions"),
    "duplicate": Code("lost", "an annotation that repeats an earlier one was left out"),
    "empty-split": Code("note", "a split has no images of its own"),
    "hole-bridge": Code("note", "a hole was kept by a zero-width bridge to the outline"),
    "hole-fill": Code("repaired", "a hole was filled (--holes fill)"),
    "jpeg-tail": Code(
        "repaired", "bytes after the end of a JPEG were removed; Ultralytics would re-encode the file"
    ),
    "no-ground-truth": Code("note", "a folder of the source has images without ground truth and was left out"),
    "no-mask": Code("lost", "an annotation without a mask is missing in the pixel masks"),
    "no-area": Code("lost", "an annotation without pixels was left out"),
    "outside": Code("lost", "an annotation completely outside the image was left out"),
    "parts-bridge": Code("note", "the parts of a mask were joined by zero-width bridges"),
    "parts-largest": Code("lost", "all parts of a mask but the largest were left out (--parts largest)"),
    "parts-split": Code("repaired", "the parts of a mask became separate annotations (--parts split)"),
    "thin-segment": Code(
        "note", "an instance is nowhere as thick as a pixel at --imgsz; Ultralytics draws it too large"
    ),
    "tiny-picture": Code(
        "lost", "an image with a side under 10 pixels was left out; Ultralytics ignores such images"
    ),
    "label-without-picture": Code("lost", "a label file has no image"),
    "unreviewed": Code("lost", "an image with a proposed shape or type that nobody has reviewed was left out"),
    "uncertain": Code(
        "note", "an image flagged uncertain and without shapes was left out; it is not known to be good"
    ),
    "splits-ignored": Code("note", "the source names splits, but its images were split again"),
    "rejected": Code("note", "an image flagged reject was left out"),
    "flagged-good-with-shape": Code(
        "lost", "an image that is flagged good but has a shape was left out; one of the two is wrong"
    ),
    "flagged-type-without-shape": Code(
        "lost", "an image that is flagged with a defect type but has no shape of a defect was left out"
    ),
    "unlabelled": Code("note", "an image without labels was left out; it is not known to be good"),
    "background-label": Code("note", "a shape labelled _background_ was not counted as a defect"),
    "excluded": Code("note", "a file that --exclude names was not read"),
    "exif-upright": Code("repaired", "an image with an EXIF orientation was written upright, as it was labelled"),
    "ignored-label": Code("lost", "a shape labelled __ignore__ was left out"),
    "image-embedded": Code("note", "an image was taken from $.imageData"),
    "image-left-out": Code(
        "lost", "an image that lost all its annotations was left out; it must not become a negative"
    ),
    "image-moved": Code("note", "an image was found by its name, not at the stated path"),
    "line-drawn": Code("note", "a point or line was drawn with the width of --line-width"),
    "line-lost": Code("lost", "a point or line was left out; it has no area without --line-width"),
    "overlap": Code("note", "annotations of two categories overlap; the smaller one is on top in the pixel mask"),
    "self-crossing": Code("repaired", "a polygon crosses itself; its inside was determined by the even-odd rule"),
    "keypoints-lost": Code("lost", "the keypoints of a pose label were left out; its box was kept"),
    "mixed-boxes": Code("note", "a box without a mask was kept in a dataset that also has segments"),
    "names-made": Code("note", "classes without names were named class_0, class_1, ..."),
    "no-splits": Code("note", "the source has no splits; every image is in train"),
    "oriented-box": Code("repaired", "an oriented box was replaced by the upright box around it"),
    "split-alias": Code("note", "a split has another name than train, val or test"),
    "unicode-form": Code("note", "a label file was found by its name in another Unicode form"),
    "unknown-split": Code("lost", "a key that is not a split lists images, which were not read"),
    "maybe-keypoints": Code(
        "note", "the only segments may be boxes followed by keypoints; they were read as segments"
    ),
    "unnamed-split": Code(
        "note", "a folder called like a split has images, but data.yaml does not name it; they were not read"
    ),
    "looks-inverted": Code("note", "a mask marks more than half of its image; black and white may be swapped"),
    "mask-pages": Code("note", "a mask has several pages, each of which became one annotation"),
    "void-kept": Code("note", "pixels of no type became an ignore region of each category (--void ignore)"),
    "void-lost": Code("lost", "pixels of no type became background (--void leave-out)"),
    "merged-gap": Code("note", "components closer than --merge-gap were joined into one annotation"),
    "annotation-cancelled": Code("note", "a cancelled or skipped annotation was not read"),
    "box-as-mask": Code("repaired", "a box was given a filled mask because other annotations have masks"),
    "counts-from-zero": Code("note", "the coordinates count from 0, as labelImg and CVAT write them"),
    "difficult": Code("repaired", "an object marked difficult became an ignore region"),
    "further-annotation": Code("lost", "a task has several annotations, of which only one was read"),
    "mask-unread": Code("lost", "a mask in SegmentationObject was not read; its object became a box"),
    "no-label": Code("lost", "a region without a label was left out"),
    "prediction-ignored": Code("note", "a task has only predictions, which were not read"),
    "prediction-used": Code("note", "a task without an annotation was read from its newest prediction"),
    "several-labels": Code("note", "a region with several labels became one annotation for each label"),
    "shape-lost": Code(
        "lost", "a shape without pixels in the image, such as a cuboid or a skeleton, was left out"
    ),
    "size-from-image": Code("note", "the XML has no image size; it was read from the image file"),
    "swapped-corners": Code("repaired", "a box whose last corner is before its first one was corrected"),
    "tag-lost": Code("lost", "a label of a whole image was left out; it is not an annotation"),
}
