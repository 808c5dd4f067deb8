"""The options that the conversions from labelling tools share."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convert.cli_options import SegmentationKind, UnlabelledKind

if TYPE_CHECKING:
    from convert.tool_options import ToolOptions


class ToolSplitKind(StrEnum):
    """Which splits the dataset gets."""

    auto = "auto"
    original = "original"
    stratified = "stratified"


class MixedKind(StrEnum):
    """What becomes of boxes where other annotations have masks."""

    fill = "fill"
    keep = "keep"


Images = Annotated[Path | None, typer.Option("--images", help="Folder of the images, if not beside the export.")]
LabelsFile = Annotated[Path | None, typer.Option("--labels", help="Text file of the categories, in order.")]
Rename = Annotated[list[str] | None, typer.Option("--rename", help="old=new; may be given several times.")]
Mixed = Annotated[
    MixedKind, typer.Option("--mixed", help="Boxes beside shapes with pixels: fill them as masks, or keep boxes.")
]
LineWidth = Annotated[
    float | None, typer.Option("--line-width", help="Draw points and lines this many pixels wide; else lost.")
]
ToolSplit = Annotated[
    ToolSplitKind, typer.Option("--split", help="auto: the splits that the export names, else stratified.")
]


def shared_options(
    *,
    images: Path | None,
    labels: Path | None,
    rename: list[str] | None,
    unlabelled: UnlabelledKind,
    mixed: MixedKind,
    line_width: float | None,
    split: ToolSplitKind,
    ratios: str,
    seed: int,
    segmentation: SegmentationKind,
) -> "ToolOptions":
    """The shared options as a conversion takes them. Raises OptionError."""
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
