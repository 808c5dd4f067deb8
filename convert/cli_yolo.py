"""The commands that convert from and to YOLO folders."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import (
    Boxes,
    CocoSource,
    Images,
    NewDataset,
    Segmentation,
    SegmentationKind,
    Unlabelled,
    UnlabelledKind,
)
from system.stored_path import NEW, READ


class HolesKind(StrEnum):
    """How a segment represents a hole."""

    bridge = "bridge"
    fill = "fill"


class PartsKind(StrEnum):
    """How segments represent a mask of several parts."""

    bridge = "bridge"
    split_up = "split"
    largest = "largest"


class YoloMixedKind(StrEnum):
    """Treatment of a dataset with boxes and segments."""

    refuse = "refuse"
    keep = "keep"


class OrientedKind(StrEnum):
    """Meaning of a label of four points."""

    polygon = "polygon"
    box = "box"


def register(app: typer.Typer) -> None:
    """Add coco2yolo and yolo2coco to the `convert` command."""
    app.command("coco2yolo")(with_execution(coco2yolo_command))
    app.command("yolo2coco")(with_execution(yolo2coco_command))


def coco2yolo_command(
    source: CocoSource,
    dest: Annotated[Path, typer.Argument(click_type=NEW, metavar="DST", help="The new YOLO folder.")],
    segments: Annotated[bool, typer.Option("--segments", help="Write segments instead of boxes.")] = False,
    holes: Annotated[
        HolesKind,
        typer.Option(help="Holes: bridge keeps them with a zero-width bridge to the outline; fill fills them."),
    ] = HolesKind.bridge,
    parts: Annotated[
        PartsKind,
        typer.Option(
            help="Masks of several parts: bridge writes one segment, split one per part, largest only the largest."
        ),
    ] = PartsKind.bridge,
    imgsz: Annotated[
        int,
        typer.Option(min=32, help="Image side in training, in pixels; segments are exact at this size."),
    ] = 640,
    images: Images = None,
    *,
    flags: ExecutionFlags,
) -> None:
    """Convert a COCO dataset folder or file to a YOLO folder for Ultralytics."""
    from convert.coco2yolo import YoloExportOptions, coco2yolo
    from convert.yolo_segments import Style

    options = YoloExportOptions(style=Style(segments, holes.value, parts.value, imgsz), images=images)
    run_conversion(coco2yolo, source, dest, options, flags)


def yolo2coco_command(
    source: Annotated[
        Path, typer.Argument(click_type=READ, metavar="SRC", help="YOLO folder, or its data.yaml or obj.data.")
    ],
    dest: NewDataset,
    segmentation: Segmentation = SegmentationKind.rle,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    mixed: Annotated[
        YoloMixedKind,
        typer.Option(help="What to do with a dataset that has boxes and segments: refuse it, or keep both."),
    ] = YoloMixedKind.refuse,
    oriented: Annotated[
        OrientedKind,
        typer.Option(
            help="Labels of four points, such as oriented boxes: read as polygon, or as upright box around them."
        ),
    ] = OrientedKind.polygon,
    boxes: Boxes = None,
    *,
    flags: ExecutionFlags,
) -> None:
    """Convert a YOLO folder to a COCO dataset folder.

    An image with an empty label file is a negative; an image without a label file is unlabelled.
    """
    from convert.yolo2coco import YoloOptions, yolo2coco

    options = YoloOptions(
        segmentation=segmentation.value,
        unlabelled=unlabelled.value,
        mixed=mixed.value,
        oriented=oriented.value,
        boxes=boxes.value if boxes is not None else None,
    )
    run_conversion(yolo2coco, source, dest, options, flags)
