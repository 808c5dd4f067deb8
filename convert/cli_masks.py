"""The conversions from and to folders of masks, for the `convert` command."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import (
    CocoSource,
    Connectivity,
    MergeGap,
    MinArea,
    NewDataset,
    RatiosText,
    Seed,
    Segmentation,
    SegmentationKind,
    SplitKind,
    Threshold,
    Unlabelled,
    UnlabelledKind,
    parse_connectivity,
)
from system.stored_path import NEW, READ


class VoidKind(StrEnum):
    """Treatment of void pixels."""

    refuse = "refuse"
    leave_out = "leave-out"
    ignore = "ignore"


def register(app: typer.Typer) -> None:
    """Add masks2coco and coco2masks to the `convert` command."""
    app.command("masks2coco")(with_execution(masks2coco_command))
    app.command("coco2masks")(with_execution(coco2masks_command))


def masks2coco_command(
    images: Annotated[
        Path, typer.Argument(click_type=READ, metavar="IMAGES", help="Folder of images, with its subfolders.")
    ],
    masks: Annotated[
        Path, typer.Argument(click_type=READ, metavar="MASKS", help="Folder of masks, with the same subfolders.")
    ],
    dest: NewDataset,
    category: Annotated[str | None, typer.Option(help="Defect type of binary and grey masks.")] = None,
    categories: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Defect types of the values 1, 2, 3, ... of index masks.")
    ] = None,
    colours: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=R,G,B", help="The colour of a defect type in coloured masks; repeatable."),
    ] = None,
    labelmap: Annotated[
        Path | None, typer.Option(help="The labelmap.txt of CVAT or Datumaro that names the colours.")
    ] = None,
    type_folders: Annotated[
        bool, typer.Option("--type-folders", help="MASKS has a folder of masks for each defect type.")
    ] = False,
    void: Annotated[
        VoidKind, typer.Option(help="What to do with void pixels: index 255 or 224,224,192 (Pascal VOC).")
    ] = VoidKind.refuse,
    pattern: Annotated[
        str,
        typer.Option(
            help="Name of a mask without its ending, from {stem} of its image; img_{stem}=gt_{stem}; or"
            " {stem}_{n} for several numbered masks of an image, each of them one instance."
        ),
    ] = "{stem}",
    threshold: Threshold = None,
    connectivity: Connectivity = 8,
    min_area: MinArea = 1,
    merge_gap: MergeGap = 0,
    segmentation: Segmentation = SegmentationKind.rle,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    split: Annotated[
        SplitKind,
        typer.Option(help="By defect type, or as folders in IMAGES or lists in MASKS/ImageSets name them."),
    ] = SplitKind.stratified,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    *,
    flags: ExecutionFlags,
) -> None:
    """Convert images and masks of the same names to a COCO dataset folder, one annotation per component.

    Without --category, --categories, --colours, --labelmap and --type-folders, the colours are read from a
    labelmap.txt in MASKS or next to it. Without that file, if all masks are in several folders that IMAGES does
    not have, the folders are the defect types.
    """
    from convert.mask_instances import Cut
    from convert.masks2coco import MasksOptions, masks2coco
    from datasets.formats.mask_types import choose_types
    from datasets.splits import parse_ratios

    types = choose_types(images, masks, category, categories, colours or [], labelmap, type_folders=type_folders)
    options = MasksOptions(
        masks=masks,
        categories=types.categories,
        indices=types.indices,
        colours=types.colours,
        type_folders=types.folders,
        void=void.value,
        threshold=threshold,
        pattern=pattern,
        unlabelled=unlabelled.value,
        split=split.value,
        ratios=parse_ratios(ratios),
        seed=seed,
        cut=Cut(parse_connectivity(connectivity), min_area, merge_gap, segmentation.value),
    )
    run_conversion(masks2coco, images, dest, options, flags)


def coco2masks_command(
    source: CocoSource,
    dest: Annotated[Path, typer.Argument(click_type=NEW, metavar="DST", help="The new folder of pixel masks.")],
    *,
    flags: ExecutionFlags,
) -> None:
    """Convert a COCO dataset to pixel masks (index PNG); where annotations meet, the smaller is on top."""
    from convert.coco2masks import MasksExportOptions, coco2masks

    run_conversion(coco2masks, source, dest, MasksExportOptions(), flags)
