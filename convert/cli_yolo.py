"""The conversions from and to YOLO folders, for the `convert` command."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import (
    CocoSource,
    Images,
    NewDataset,
    Segmentation,
    SegmentationKind,
    Unlabelled,
    UnlabelledKind,
)


class HolesKind(StrEnum):
    """How a segment represents a hole."""

    bridge = "bridge"
    fill = "fill"


class PartsKind(StrEnum):
    """How segments represent a mask of several parts."""

    bridge = "bridge"
    split_up = "split"
    largest = "largest"


class MixedKind(StrEnum):
    """What becomes of a dataset with boxes and segments."""

    refuse = "refuse"
    keep = "keep"


class OrientedKind(StrEnum):
    """What a label of four points is."""

    polygon = "polygon"
    box = "box"


def register(app: typer.Typer) -> None:
    """Add coco2yolo and yolo2coco to the `convert` command."""
    app.command("coco2yolo")(with_execution(coco2yolo_command))
    app.command("yolo2coco")(with_execution(yolo2coco_command))


def coco2yolo_command(
    source: CocoSource,
    dest: Annotated[Path, typer.Argument(metavar="DST", help="The new YOLO folder.")],
    segments: Annotated[bool, typer.Option("--segments", help="Write segments, not boxes.")] = False,
    holes: Annotated[
        HolesKind, typer.Option(help="bridge: keep holes by a bridge of no width; fill them.")
    ] = HolesKind.bridge,
    parts: Annotated[
        PartsKind, typer.Option(help="bridge: one segment; split: a segment each; largest: drop the others.")
    ] = PartsKind.bridge,
    imgsz: Annotated[
        int,
        typer.Option(min=32, help="Side that training resizes images to; segments are drawn true to size there."),
    ] = 640,
    images: Images = None,
    *,
    flags: ExecutionFlags,
) -> None:
    """COCO dataset folder or file to a YOLO folder that Ultralytics trains on."""
    from convert.coco2yolo import YoloExportOptions, coco2yolo
    from convert.yolo_segments import Style

    options = YoloExportOptions(style=Style(segments, holes.value, parts.value, imgsz), images=images)
    run_conversion(coco2yolo, source, dest, options, flags)


def yolo2coco_command(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="YOLO folder, or its data.yaml or obj.data.")],
    dest: NewDataset,
    segmentation: Segmentation = SegmentationKind.rle,
    unlabelled: Unlabelled = UnlabelledKind.leave_out,
    mixed: Annotated[
        MixedKind, typer.Option(help="A dataset with boxes and segments: refuse it, or keep both.")
    ] = MixedKind.refuse,
    oriented: Annotated[
        OrientedKind, typer.Option(help="Labels of four points, as of oriented boxes: polygons, or boxes around.")
    ] = OrientedKind.polygon,
    *,
    flags: ExecutionFlags,
) -> None:
    """YOLO folder to a COCO dataset folder; an empty label file is a negative, a missing one is unlabelled."""
    from convert.yolo2coco import YoloOptions, yolo2coco

    options = YoloOptions(
        segmentation=segmentation.value, unlabelled=unlabelled.value, mixed=mixed.value, oriented=oriented.value
    )
    run_conversion(yolo2coco, source, dest, options, flags)
