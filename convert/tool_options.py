"""The options that all conversions from labelling tools share."""

from pathlib import Path
from typing import Literal

import msgspec

from convert.instances import SegmentationKind
from datasets.splits import Ratios


class ToolOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the export of a labelling tool is converted.

    `split` None keeps the splits that the export names, or else splits in proportion. `line_width` in pixels draws
    points and lines, which are lost otherwise. Where boxes and shapes with pixels are mixed, `mixed` fill makes a
    mask of each box, keep leaves it without one. `connectivity` is that of the components of a mask that covers
    all defects of a type. `images` is the folder of the images, `labels` a file that gives the order of the
    categories.
    """

    split: Literal["original", "stratified"] | None = None
    ratios: Ratios = (0.7, 0.1, 0.2)
    seed: int = 0
    segmentation: SegmentationKind = "rle"
    line_width: float | None = None
    rename: tuple[str, ...] = ()
    unlabelled: Literal["leave-out", "negative"] = "leave-out"
    mixed: Literal["fill", "keep"] = "fill"
    connectivity: Literal[4, 8] = 8
    images: Path | None = None
    labels: Path | None = None
