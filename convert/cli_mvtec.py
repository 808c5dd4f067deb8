"""The command that converts category folders of MVTec AD and similar layouts."""

from pathlib import Path
from typing import Annotated

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import (
    Connectivity,
    MergeGap,
    MinArea,
    RatiosText,
    Seed,
    Segmentation,
    SegmentationKind,
    SplitKind,
    Threshold,
    parse_connectivity,
)
from system.stored_path import SOURCES_AND_NEW


def register(app: typer.Typer) -> None:
    """Add mvtec2coco to the `convert` command."""
    app.command("mvtec2coco")(with_execution(mvtec2coco_command))


def mvtec2coco_command(
    sources: Annotated[
        list[Path],
        typer.Argument(
            click_type=SOURCES_AND_NEW, metavar="SRC... DST", help="Category folders, then the new dataset folder."
        ),
    ],
    split: Annotated[
        SplitKind,
        typer.Option(help="stratified: split all images by defect type; original: keep the splits of the source."),
    ] = SplitKind.stratified,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    connectivity: Connectivity = 8,
    min_area: MinArea = 1,
    merge_gap: MergeGap = 0,
    segmentation: Segmentation = SegmentationKind.rle,
    threshold: Threshold = None,
    layout: Annotated[
        str, typer.Option(help="How images and masks are arranged, see docs/formats.md; auto detects it.")
    ] = "auto",
    *,
    flags: ExecutionFlags,
) -> None:
    """Convert MVTec AD category folders, or similar datasets, to a COCO dataset folder with boxes and masks."""
    from convert.mvtec2coco import MvtecOptions, mvtec2coco
    from datasets.formats.layouts.registry import parse_layout
    from datasets.splits import parse_ratios
    from system.errors import OptionError

    if len(sources) < 2:
        raise OptionError("convert mvtec2coco", "needs SRC and DST", "name the category folder and the new folder")
    options = MvtecOptions(
        split.value,
        parse_ratios(ratios),
        seed,
        parse_connectivity(connectivity),
        min_area,
        merge_gap,
        segmentation.value,
        threshold,
        parse_layout(layout),
    )
    *trees, dest = sources
    run_conversion(mvtec2coco, trees, dest, options, flags)
