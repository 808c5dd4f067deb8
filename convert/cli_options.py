"""Options shared by several conversions."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from system.errors import OptionError
from system.stored_path import NEW, READ

NewDataset = Annotated[Path, typer.Argument(click_type=NEW, metavar="DST", help="The new dataset folder.")]
CocoSource = Annotated[
    Path, typer.Argument(click_type=READ, metavar="SRC", help="COCO dataset folder or COCO file.")
]
Seed = Annotated[int, typer.Option("--seed", help="Random seed.")]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images", click_type=READ, help="Folder of the images, if they are not next to the annotations."
    ),
]
Connectivity = Annotated[int, typer.Option("--connectivity", help="Neighbours of a pixel in a component: 4 or 8.")]
MinArea = Annotated[int, typer.Option("--min-area", min=1, help="Drop and report components with fewer pixels.")]
MergeGap = Annotated[
    int,
    typer.Option("--merge-gap", min=0, help="Join components closer than this many pixels into one annotation."),
]
Threshold = Annotated[int | None, typer.Option("--threshold", help="Minimum grey value of a defect pixel.")]
RatiosText = Annotated[str, typer.Option("--ratios", help="Proportions of train,val,test in a stratified split.")]


class SplitKind(StrEnum):
    """How images are assigned to splits."""

    stratified = "stratified"
    original = "original"


class SegmentationKind(StrEnum):
    """How instance masks are written."""

    rle = "rle"
    polygon = "polygon"
    auto = "auto"


class UnlabelledKind(StrEnum):
    """Treatment of images without labels."""

    leave_out = "leave-out"
    negative = "negative"


class BoxFormKind(StrEnum):
    """What the four numbers of a box are."""

    corner_size = "corner-size"
    centre_size = "centre-size"
    corners = "corners"


Boxes = Annotated[
    BoxFormKind | None,
    typer.Option("--boxes", help="What the four numbers of a box are, if not what the format defines."),
]
Unlabelled = Annotated[UnlabelledKind, typer.Option("--unlabelled", help="What to do with images without labels.")]
Segmentation = Annotated[
    SegmentationKind,
    typer.Option(
        help="Form of masks. auto: a polygon if it has the same pixels and is not longer. Holes are always rle."
    ),
]


def parse_connectivity(connectivity: int) -> Literal[4, 8]:
    """Check --connectivity. Raises OptionError unless it is 4 or 8."""
    if connectivity == 4:
        return 4
    if connectivity == 8:
        return 8
    raise OptionError(f"--connectivity {connectivity}", "not a connectivity", "give 4 or 8")
