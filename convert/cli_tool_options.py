"""Command-line options shared by the conversions from labelling tools."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convert.cli_execution import with_options
from convert.cli_options import RatiosText, Seed, Segmentation, SegmentationKind, Unlabelled, UnlabelledKind
from system.stored_path import READ

if TYPE_CHECKING:
    from convert.tool_options import ToolOptions


class ToolSplitKind(StrEnum):
    """How images are assigned to splits."""

    auto = "auto"
    original = "original"
    stratified = "stratified"


class MixedKind(StrEnum):
    """Treatment of boxes in a dataset with masks."""

    fill = "fill"
    keep = "keep"


Images = Annotated[
    Path | None,
    typer.Option("--images", click_type=READ, help="Folder of the images, if they are not next to the export."),
]
LabelsFile = Annotated[
    Path | None, typer.Option("--labels", help="Text file with the categories in order, one per line.")
]
Rename = Annotated[list[str] | None, typer.Option("--rename", help="Rename a label: old=new. May be repeated.")]
Mixed = Annotated[
    MixedKind,
    typer.Option(
        "--mixed",
        help="Boxes in an export that also has shapes with pixels: fill makes masks of them, keep leaves boxes.",
    ),
]
LineWidth = Annotated[
    float | None,
    typer.Option(
        "--line-width", help="Draw points and lines with this width in pixels; without it they are lost."
    ),
]
ToolSplit = Annotated[
    ToolSplitKind, typer.Option("--split", help="auto: the splits of the export, or stratified if it has none.")
]


def shared_options(
    *,
    images: Images = None,
    labels: LabelsFile = None,
    rename: Rename = None,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    mixed: Mixed = MixedKind.fill,
    line_width: LineWidth = None,
    split: ToolSplit = ToolSplitKind.auto,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    segmentation: Segmentation = SegmentationKind.rle,
) -> "ToolOptions":
    """The shared options as the value that conversions take. Raises OptionError for wrong ratios."""
    from convert.tool_options import ToolOptions
    from datasets.splits import parse_ratios

    kinds: dict[ToolSplitKind, Literal["original", "stratified"] | None] = {
        ToolSplitKind.auto: None,
        ToolSplitKind.original: "original",
        ToolSplitKind.stratified: "stratified",
    }
    return ToolOptions(
        split=kinds[split],
        ratios=parse_ratios(ratios),
        seed=seed,
        segmentation=segmentation.value,
        line_width=line_width,
        rename=tuple(rename or ()),
        unlabelled=unlabelled.value,
        mixed=mixed.value,
        images=images,
        labels=labels,
    )


with_shared_options = with_options("shared", shared_options)
