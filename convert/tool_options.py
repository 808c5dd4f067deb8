"""Options shared by the conversions from labelling tools."""

from pathlib import Path
from typing import Literal

import msgspec

from datasets.coco import SegmentationForm
from datasets.splits import Ratios


class ToolOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of the conversion of a labelling tool's export.

    `split` None keeps the splits of the export, or splits by defect type if it has none. `line_width` in pixels is
    used to draw points and lines; with None they are lost. If an export has boxes and shapes with pixels, `mixed`
    fill makes a mask of each box, and keep leaves it without one. `connectivity` (4 or 8) is that of the
    components of a mask that covers all defects of a type. `images` is the folder of the images; `labels` is a
    file with the categories in order.
    """

    split: Literal["original", "stratified"] | None = None
    ratios: Ratios = (0.7, 0.1, 0.2)
    seed: int = 0
    segmentation: SegmentationForm = "rle"
    line_width: float | None = None
    rename: tuple[str, ...] = ()
    unlabelled: Literal["leave-out", "negative"] = "leave-out"
    mixed: Literal["fill", "keep"] = "fill"
    connectivity: Literal[4, 8] = 8
    images: Path | None = None
    labels: Path | None = None
