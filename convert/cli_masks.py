"""The conversions from and to folders of masks, for the `convert` command."""

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
from system.errors import OptionError


def register(app: typer.Typer) -> None:
    """Add masks2coco and coco2masks to the `convert` command."""
    app.command("masks2coco")(with_execution(masks2coco_command))
    app.command("coco2masks")(with_execution(coco2masks_command))


def masks2coco_command(
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="Folder of images, with folders in it.")],
    masks: Annotated[Path, typer.Argument(metavar="MASKS", help="Folder of masks, with the same folders in it.")],
    dest: NewDataset,
    category: Annotated[str | None, typer.Option(help="What a binary or grey mask marks.")] = None,
    categories: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="What the values 1, 2, 3, ... of an index mask are.")
    ] = None,
    pattern: Annotated[
        str,
        typer.Option(help="Name of a mask without its ending, from {stem} of its image; or img_{stem}=gt_{stem}."),
    ] = "{stem}",
    threshold: Threshold = None,
    connectivity: Connectivity = 8,
    min_area: MinArea = 1,
    merge_gap: MergeGap = 0,
    segmentation: Segmentation = SegmentationKind.rle,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    split: Annotated[
        SplitKind, typer.Option(help="By defect type, or by folders named train, val or test in SRC.")
    ] = SplitKind.stratified,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    *,
    flags: ExecutionFlags,
) -> None:
    """Pictures and masks of the same names to a COCO dataset folder, one annotation per component."""
    from convert.mask_instances import Cut
    from convert.masks2coco import MasksOptions, masks2coco
    from datasets.splits import parse_ratios

    if (category is None) == (categories is None):
        remedy = "give --category NAME for binary and grey masks, --categories A,B,C for index masks"
        raise OptionError("convert masks2coco", "one of --category and --categories is needed", remedy)
    names = (category,) if category is not None else tuple(name.strip() for name in str(categories).split(","))
    options = MasksOptions(
        masks=masks,
        categories=names,
        indices=category is None,
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
    dest: Annotated[Path, typer.Argument(metavar="DST", help="The new folder of pixel masks.")],
    *,
    flags: ExecutionFlags,
) -> None:
    """COCO dataset folder or file to pixel masks (index PNG); where annotations meet, the smaller is on top."""
    from convert.coco2masks import MasksExportOptions, coco2masks

    run_conversion(coco2masks, source, dest, MasksExportOptions(), flags)
