"""The stable codes of what conversions repair and lose; `docs/codes.md` explains them to users."""

from typing import Literal

import msgspec


class Code(msgspec.Struct, frozen=True):
    """`lost` is ground truth missing in the output, `repaired` is there but changed, `note` is worth knowing."""

    kind: Literal["lost", "repaired", "note"]
    meaning: str


CODES = {
    "below-min-area": Code("lost", "component with fewer pixels than --min-area"),
    "box-as-segment": Code("repaired", "annotation without a mask written as the four corners of its box"),
    "clipped": Code("repaired", "what lay outside the image was cut off"),
    "crowd": Code("lost", "crowd annotation; YOLO has no such thing"),
    "duplicate": Code("lost", "annotation that says the same as one before it"),
    "empty-split": Code("note", "split without an image; Ultralytics trains only with images in train and val"),
    "hole-bridge": Code("note", "hole kept by a bridge of no width to the outline"),
    "hole-fill": Code("repaired", "hole filled as --holes fill asks"),
    "jpeg-tail": Code("repaired", "bytes after the end of a JPEG left out, which Ultralytics would encode anew"),
    "no-area": Code("lost", "annotation whose mask has no pixel"),
    "outside": Code("lost", "annotation wholly outside the image"),
    "parts-bridge": Code("note", "parts of one mask joined by bridges of no width"),
    "parts-largest": Code("lost", "parts of a mask left out as --parts largest asks"),
    "parts-split": Code("repaired", "parts of one mask written as an instance each as --parts split asks"),
    "tiny-picture": Code("lost", "picture with a side under 10 pixels, which Ultralytics leaves out"),
    "merged-gap": Code("note", "components nearer than --merge-gap joined into one annotation"),
}
