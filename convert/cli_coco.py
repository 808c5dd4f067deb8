"""The conversions from COCO to COCO, for the `convert` command."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import (
    NewDataset,
    RatiosText,
    Seed,
    Unlabelled,
    UnlabelledKind,
)


class CocoSplitKind(StrEnum):
    """Which splits the dataset gets."""

    auto = "auto"
    stratified = "stratified"
    original = "original"


class CrowdKind(StrEnum):
    """What becomes of crowd annotations."""

    auto = "auto"
    instance = "instance"
    ignore = "ignore"
    refuse = "refuse"


class KeptSegmentation(StrEnum):
    """How instance masks are written."""

    keep = "keep"
    rle = "rle"


class ToKind(StrEnum):
    """What the destination is for."""

    dataset = "dataset"
    cvat = "cvat"
    labelstudio = "labelstudio"
    roboflow = "roboflow"
    xanylabeling = "xanylabeling"


def register(app: typer.Typer) -> None:
    """Add coco2coco to the `convert` command."""
    app.command("coco2coco")(with_execution(coco2coco_command))


def coco2coco_command(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="COCO file, folder with COCO files, or export of another tool.")
    ],
    dest: NewDataset,
    to: Annotated[
        ToKind, typer.Option("--to", help="A dataset folder, or a folder that an annotation tool imports.")
    ] = ToKind.dataset,
    splits: Annotated[
        list[str] | None,
        typer.Option("--splits", metavar="SPLIT=FILE", help="COCO file of a split; may be given several times."),
    ] = None,
    split: Annotated[
        CocoSplitKind,
        typer.Option(help="auto: original where SRC names two splits or more, else stratified by defect type."),
    ] = CocoSplitKind.auto,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    crowd: Annotated[
        CrowdKind,
        typer.Option(help="iscrowd 1: an instance, an ignore region, or refused. auto: ignore unless all are."),
    ] = CrowdKind.auto,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    segmentation: Annotated[
        KeptSegmentation, typer.Option(help="keep: polygons stay polygons; rle: all become RLE.")
    ] = KeptSegmentation.keep,
    no_masks: Annotated[
        bool, typer.Option("--no-masks", help="Write no pixel masks; our trainers need none.")
    ] = False,
    images: Annotated[Path | None, typer.Option(help="Folder of the images, if they are not near.")] = None,
    *,
    flags: ExecutionFlags,
) -> None:
    """COCO of any tool to a COCO dataset folder: CVAT, Roboflow, Label Studio, FiftyOne, COCO 2017 and others."""
    from convert.coco2coco import CocoOptions, coco2coco
    from datasets.splits import parse_ratios

    options = CocoOptions(
        splits=tuple(splits or ()),
        split=split.value,
        ratios=parse_ratios(ratios),
        seed=seed,
        crowd=crowd.value,
        unlabelled=unlabelled.value,
        segmentation=segmentation.value,
        masks=not no_masks,
        to=to.value,
        images=images,
    )
    run_conversion(coco2coco, source, dest, options, flags)
