"""The commands that convert from and to labelme."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import (
    CocoSource,
    NewDataset,
    RatiosText,
    Seed,
    Segmentation,
    SegmentationKind,
    SplitKind,
    Unlabelled,
    UnlabelledKind,
)
from system.stored_path import NEW, READ


class UnreviewedKind(StrEnum):
    """Treatment of images with a shape flagged unreviewed."""

    leave_out = "leave-out"
    keep = "keep"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("labelme2coco")(with_execution(labelme2coco_command))
    app.command("coco2labelme")(with_execution(coco2labelme_command))


def labelme2coco_command(
    source: Annotated[
        Path, typer.Argument(click_type=READ, metavar="SRC", help="Folder of labelme files, with its subfolders.")
    ],
    dest: NewDataset,
    images: Annotated[
        Path | None,
        typer.Option(click_type=READ, help="Folder of the images, if they are not next to the JSON files."),
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="labelme's labels file: the categories in order.")] = None,
    rename: Annotated[list[str] | None, typer.Option(help="Rename a label: old=new. May be repeated.")] = None,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    unreviewed: Annotated[
        UnreviewedKind, typer.Option(help="What to do with images that have a proposed shape nobody has reviewed.")
    ] = UnreviewedKind.leave_out,
    line_width: Annotated[
        float | None,
        typer.Option(help="Draw points and lines with this width in pixels; without it they are lost."),
    ] = None,
    split: Annotated[
        SplitKind,
        typer.Option(
            help="stratified: split by defect type; original: by folders named train, val or test in SRC."
        ),
    ] = SplitKind.stratified,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    segmentation: Segmentation = SegmentationKind.rle,
    no_masks: Annotated[
        bool,
        typer.Option("--no-masks", help="Write no pixel masks. The trainers do not need them, and it is faster."),
    ] = False,
    *,
    flags: ExecutionFlags,
) -> None:
    """Convert a folder of labelme files to a COCO dataset folder with boxes, instance masks and pixel masks."""
    from convert.labelme2coco import LabelmeOptions, labelme2coco
    from datasets.splits import parse_ratios

    options = LabelmeOptions(
        split=split.value,
        ratios=parse_ratios(ratios),
        seed=seed,
        segmentation=segmentation.value,
        line_width=line_width,
        rename=tuple(rename or ()),
        unlabelled=unlabelled.value,
        masks=not no_masks,
        unreviewed=unreviewed.value,
        images=images,
        labels=labels,
    )
    run_conversion(labelme2coco, source, dest, options, flags)


def coco2labelme_command(
    source: CocoSource,
    dest: Annotated[
        Path, typer.Argument(click_type=NEW, metavar="DST", help="The new folder of images and labelme files.")
    ],
    images: Annotated[
        Path | None, typer.Option(click_type=READ, help="Folder of the images of a COCO file.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Maximum distance of polygons from the outline of a mask, in pixels (0: exact).")
    ] = 1.0,
    *,
    flags: ExecutionFlags,
) -> None:
    """Convert a COCO dataset to a labelme folder: polygons, and mask shapes where a polygon is not sufficient."""
    from convert.coco2labelme import LabelmeExportOptions, coco2labelme

    options = LabelmeExportOptions(tolerance=tolerance, images=images)
    run_conversion(coco2labelme, source, dest, options, flags)
