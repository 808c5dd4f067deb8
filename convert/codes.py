"""The stable codes of what conversions repair and lose; `docs/codes.md` explains them to users."""

from typing import Literal

import msgspec


class Code(msgspec.Struct, frozen=True):
    """`lost` is ground truth missing in the output, `repaired` is there but changed, `note` is worth knowing."""

    kind: Literal["lost", "repaired", "note"]
    meaning: str


CODES = {
    "bad-input": Code("lost", "file that cannot be converted, left out as --skip-bad asks"),
    "area-recomputed": Code("repaired", "area that its box cannot have replaced by the number of pixels"),
    "box-from-mask": Code("repaired", "box that disagrees with its mask replaced by the extents of the mask"),
    "category-order": Code("note", "category that another file numbers differently, matched by name"),
    "crowd-as-instance": Code("repaired", "crowd annotation written as an instance as --crowd instance asks"),
    "crowd-kept": Code("note", "crowd annotation kept as an ignore region"),
    "joined-category": Code("repaired", "two categories of one name joined"),
    "no-ending": Code("repaired", "file name without the ending of an image, written with that of its content"),
    "root-category": Code("note", "category that only groups the others and labels nothing, left out"),
    "rotated-box": Code("repaired", "box that an attribute rotates written as the rotated box or polygon"),
    "short-ring": Code("repaired", "polygon of fewer than three points left out"),
    "split-kept": Code("note", "split of the source kept"),
    "splits-joined": Code("note", "splits joined into one file, as the destination has none"),
    "split-made": Code("note", "images divided into splits by defect type; the source names no splits"),
    "below-min-area": Code("lost", "component with fewer pixels than --min-area"),
    "box-as-segment": Code("repaired", "annotation without a mask written as the four corners of its box"),
    "clipped": Code("repaired", "what lay outside the image was cut off"),
    "crowd": Code("lost", "crowd annotation; neither YOLO nor labelme has such a thing"),
    "duplicate": Code("lost", "annotation that says the same as one before it"),
    "empty-split": Code("note", "split without an image; Ultralytics gets the pictures of another for it"),
    "hole-bridge": Code("note", "hole kept by a bridge of no width to the outline"),
    "hole-fill": Code("repaired", "hole filled as --holes fill asks"),
    "jpeg-tail": Code("repaired", "bytes after the end of a JPEG left out, which Ultralytics would encode anew"),
    "no-ground-truth": Code("note", "folder of the source whose images have no ground truth, left out"),
    "no-mask": Code("lost", "annotation without a mask; pixel masks do not show it"),
    "no-area": Code("lost", "annotation whose mask has no pixel"),
    "outside": Code("lost", "annotation wholly outside the image"),
    "parts-bridge": Code("note", "parts of one mask joined by bridges of no width"),
    "parts-largest": Code("lost", "parts of a mask left out as --parts largest asks"),
    "parts-split": Code("repaired", "parts of one mask written as an instance each as --parts split asks"),
    "tiny-picture": Code("lost", "picture with a side under 10 pixels, which Ultralytics leaves out"),
    "label-without-picture": Code("lost", "label file beside which no picture lies"),
    "unreviewed": Code("lost", "image with a proposed shape that nobody has looked at left out"),
    "uncertain": Code("note", "image flagged uncertain without a shape left out; it is not known to be good"),
    "splits-ignored": Code(
        "note", "folders named like splits whose images were split again; see --split original"
    ),
    "rejected": Code("note", "image flagged reject left out"),
    "flagged-good-with-shape": Code(
        "lost", "image left out that is flagged good and has a shape; one of the two is wrong"
    ),
    "unlabelled": Code("note", "picture without labels left out; it is not known to be good"),
    "background-label": Code("note", "shape labelled _background_, which is no defect"),
    "exif-upright": Code("repaired", "picture with an EXIF orientation written upright, as it was labelled"),
    "ignored-label": Code("lost", "shape labelled __ignore__"),
    "image-embedded": Code("note", "picture taken from $.imageData"),
    "image-left-out": Code("lost", "image whose annotations are all lost; as a negative it would teach falsely"),
    "image-moved": Code("note", "image found by its name, not where its label file states"),
    "line-drawn": Code("note", "point, points, line or linestrip drawn as wide as --line-width asks"),
    "line-lost": Code("lost", "point, points, line or linestrip; it has no area without --line-width"),
    "overlap": Code(
        "note", "pixels that two categories claim; the smaller annotation is on top in the pixel mask"
    ),
    "self-crossing": Code("repaired", "polygon that crosses itself; what lies inside by the even-odd rule counts"),
    "keypoints-lost": Code("lost", "keypoints of a pose label; its box is kept"),
    "mixed-boxes": Code("note", "boxes without a mask, in a dataset that also has segments"),
    "names-made": Code("note", "class names class_0, class_1, ... because the source only counts them"),
    "no-splits": Code("note", "the source names no splits; every image is in train"),
    "oriented-box": Code("repaired", "oriented box or polygon of four points replaced by the box around it"),
    "split-alias": Code("note", "split under another name than train, val or test"),
    "unicode-form": Code("note", "label file found by its name in another Unicode form"),
    "unknown-split": Code("lost", "folder or list of images under a key that names no split; not read"),
    "merged-gap": Code("note", "components nearer than --merge-gap joined into one annotation"),
    "annotation-cancelled": Code("note", "annotation that was cancelled or skipped; it is not read"),
    "box-as-mask": Code("repaired", "box whose pixels became its mask, because others have masks"),
    "counts-from-zero": Code("note", "coordinates that count from 0, as labelImg and CVAT write them"),
    "difficult": Code("repaired", "object marked difficult, which became an ignore region"),
    "further-annotation": Code("lost", "annotation of a task that has another one, which was read"),
    "mask-unread": Code("lost", "mask in SegmentationObject, which is not read; its object became a box"),
    "no-label": Code("lost", "region without a label"),
    "prediction-ignored": Code("note", "task that has predictions only; --predictions reads them"),
    "prediction-used": Code("note", "task without annotation, read from its newest prediction"),
    "several-labels": Code("note", "region with several labels, which became an annotation of each"),
    "shape-lost": Code("lost", "shape that has no pixels in an image, such as a cuboid or a skeleton"),
    "size-from-image": Code("note", "size of the image taken from its file, because the XML has none"),
    "swapped-corners": Code("repaired", "box whose last corner is before its first one"),
    "tag-lost": Code("lost", "label of a whole image, which is no annotation"),
}
