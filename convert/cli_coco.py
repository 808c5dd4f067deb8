"""The command that converts COCO to COCO."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import (
    Boxes,
    NewDataset,
    RatiosText,
    Seed,
    Unlabelled,
    UnlabelledKind,
)
from system.stored_path import READ


class CocoSplitKind(StrEnum):
    """How images are assigned to splits."""

    auto = "auto"
    stratified = "stratified"
    original = "original"


class CrowdKind(StrEnum):
    """Treatment of crowd annotations."""

    auto = "auto"
    instance = "instance"
    ignore = "ignore"
    refuse = "refuse"


class KeptSegmentation(StrEnum):
    """Form of instance masks."""

    keep = "keep"
    rle = "rle"


class ToKind(StrEnum):
    """The program that reads the destination."""

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
        Path,
        typer.Argument(
            click_type=READ, metavar="SRC", help="COCO file, folder with COCO files, or export of another tool."
        ),
    ],
    dest: NewDataset,
    to: Annotated[
        ToKind, typer.Option("--to", help="A dataset folder, or a folder that an annotation tool imports.")
    ] = ToKind.dataset,
    splits: Annotated[
        list[str] | None,
        typer.Option("--splits", metavar="SPLIT=FILE", help="COCO file of a split. May be repeated."),
    ] = None,
    split: Annotated[
        CocoSplitKind,
        typer.Option(help="auto: original if SRC names at least two splits, otherwise stratified by defect type."),
    ] = CocoSplitKind.auto,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    crowd: Annotated[
        CrowdKind,
        typer.Option(
            help="Meaning of iscrowd 1: a defect, an ignore region, or refused. auto: ignore, unless all are."
        ),
    ] = CrowdKind.auto,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    segmentation: Annotated[
        KeptSegmentation, typer.Option(help="keep: polygons stay polygons; rle: all masks become RLE.")
    ] = KeptSegmentation.keep,
    no_masks: Annotated[
        bool, typer.Option("--no-masks", help="Write no pixel masks. The trainers do not need them.")
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(click_type=READ, help="Folder of the images, if they are not next to the annotations."),
    ] = None,
    boxes: Boxes = None,
    *,
    flags: ExecutionFlags,
) -> None:
    """Convert COCO of any tool (CVAT, Roboflow, Label Studio, FiftyOne, ...) to a COCO dataset folder."""
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
        boxes=boxes.value if boxes is not None else None,
    )
    run_conversion(coco2coco, source, dest, options, flags)
