"""The conversions from and to labelme."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convert.cli_options import (
    CocoSource,
    DryRun,
    Jobs,
    NewDataset,
    Overwrite,
    RatiosText,
    ReportFile,
    Seed,
    Segmentation,
    SegmentationKind,
    SplitKind,
    Strict,
    Unlabelled,
    UnlabelledKind,
    check_report,
    finish,
)
from system.console import progress


class UnreviewedKind(StrEnum):
    """What becomes of an image with a shape flagged unreviewed."""

    leave_out = "leave-out"
    keep = "keep"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("labelme2coco")(labelme2coco_command)
    app.command("coco2labelme")(coco2labelme_command)


def labelme2coco_command(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of labelme files, searched through.")],
    dest: NewDataset,
    images: Annotated[Path | None, typer.Option(help="Folder of the pictures, where not beside the JSON.")] = None,
    labels: Annotated[Path | None, typer.Option(help="labelme's labels file: the categories, in order.")] = None,
    rename: Annotated[list[str] | None, typer.Option(help="old=new; may be given several times.")] = None,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    unreviewed: Annotated[
        UnreviewedKind, typer.Option(help="Images with a proposed shape that nobody has looked at.")
    ] = UnreviewedKind.leave_out,
    line_width: Annotated[
        float | None, typer.Option(help="Draw points and lines this many pixels wide; else they are lost.")
    ] = None,
    split: Annotated[
        SplitKind, typer.Option(help="By the set of labels, or by the folders train, val, test in SRC.")
    ] = SplitKind.stratified,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    segmentation: Segmentation = SegmentationKind.rle,
    no_masks: Annotated[
        bool, typer.Option("--no-masks", help="Write no pixel masks; our trainers need none, and it is quicker.")
    ] = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    strict: Strict = False,
    report: ReportFile = None,
    jobs: Jobs = 0,
) -> None:
    """Folder of labelme files to a COCO dataset folder with boxes, instance masks and pixel masks."""
    from convert.labelme2coco import Options, labelme2coco
    from datasets.splits import parse_ratios

    options = Options(
        split.value,
        parse_ratios(ratios),
        seed,
        segmentation.value,
        line_width,
        tuple(rename or ()),
        unlabelled.value,
        masks=not no_masks,
        unreviewed=unreviewed.value,
    )
    check_report(report, dest, dry_run=dry_run)
    result = labelme2coco(
        source,
        dest,
        options,
        images=images,
        labels=labels,
        overwrite=overwrite,
        dry_run=dry_run,
        strict=strict,
        jobs=jobs,
        progress=progress,
    )
    finish(dest, result, report, dry_run=dry_run)


def coco2labelme_command(
    source: CocoSource,
    dest: Annotated[Path, typer.Argument(metavar="DST", help="The new folder of pictures and labelme files.")],
    images: Annotated[Path | None, typer.Option(help="Folder of the pictures of a COCO file.")] = None,
    tolerance: Annotated[
        float, typer.Option(help="Polygons leave the outline of a mask by at most this many pixels; 0 by none.")
    ] = 1.0,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    strict: Strict = False,
    report: ReportFile = None,
    jobs: Jobs = 0,
) -> None:
    """COCO dataset to a labelme folder: polygons, and mask shapes where a polygon cannot say the same."""
    from convert.assemble import Execution
    from convert.coco2labelme import coco2labelme

    run = Execution(overwrite, dry_run, strict, jobs, progress)
    check_report(report, dest, dry_run=dry_run)
    result = coco2labelme(source, dest, run, images=images, tolerance=tolerance)
    finish(dest, result, report, dry_run=dry_run)
