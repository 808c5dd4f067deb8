"""The options that several conversions share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from system.errors import OptionError

NewDataset = Annotated[Path, typer.Argument(metavar="DST", help="The new dataset folder.")]
CocoSource = Annotated[Path, typer.Argument(metavar="SRC", help="COCO dataset folder or COCO file.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Images = Annotated[
    Path | None, typer.Option("--images", help="Folder of the pictures, where they do not lie near.")
]
Connectivity = Annotated[
    int, typer.Option("--connectivity", help="Pixels of a component touch by 4 or 8 neighbours.")
]
MinArea = Annotated[int, typer.Option("--min-area", min=1, help="Drop and report components with fewer pixels.")]
MergeGap = Annotated[
    int, typer.Option("--merge-gap", min=0, help="Components nearer than this many pixels are one.")
]
Threshold = Annotated[int | None, typer.Option("--threshold", help="Grey values from this on are the defect.")]
RatiosText = Annotated[str, typer.Option("--ratios", help="Proportions of train,val,test in a stratified split.")]


class SplitKind(StrEnum):
    """How images are shared out."""

    stratified = "stratified"
    original = "original"


class SegmentationKind(StrEnum):
    """How instance masks are written."""

    rle = "rle"
    polygon = "polygon"
    auto = "auto"


class UnlabelledKind(StrEnum):
    """What becomes of pictures that nobody labelled."""

    leave_out = "leave-out"
    negative = "negative"


Unlabelled = Annotated[
    UnlabelledKind, typer.Option("--unlabelled", help="What becomes of pictures that nobody labelled.")
]
Segmentation = Annotated[
    SegmentationKind,
    typer.Option(help="auto: polygon where it says the same and is no longer; holes are always rle."),
]


def parse_connectivity(connectivity: int) -> Literal[4, 8]:
    """The neighbourhood that is asked for. Raises OptionError."""
    if connectivity == 4:
        return 4
    if connectivity == 8:
        return 8
    raise OptionError(f"--connectivity {connectivity}", "no such neighbourhood", "give 4 or 8")
