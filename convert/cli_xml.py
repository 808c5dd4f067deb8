"""The commands that convert from XML: Pascal VOC and CVAT."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import NewDataset
from convert.cli_tool_options import with_shared_options
from system.stored_path import READ

if TYPE_CHECKING:
    from convert.tool_options import ToolOptions


class FirstPixelKind(StrEnum):
    """The coordinate of the first pixel."""

    auto = "auto"
    zero = "0"
    one = "1"


class DifficultKind(StrEnum):
    """Treatment of objects marked difficult."""

    ignore = "ignore"
    keep = "keep"


FIRST_PIXEL: dict[FirstPixelKind, Literal[0, 1] | None] = {
    FirstPixelKind.auto: None,
    FirstPixelKind.zero: 0,
    FirstPixelKind.one: 1,
}


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("voc2coco")(with_execution(with_shared_options(voc2coco_command)))
    app.command("cvat2coco")(with_execution(with_shared_options(cvat2coco_command)))


def voc2coco_command(
    source: Annotated[
        Path, typer.Argument(click_type=READ, metavar="SRC", help="Folder of XML files, with its subfolders.")
    ],
    dest: NewDataset,
    first_pixel: Annotated[
        FirstPixelKind,
        typer.Option(
            help="Coordinate of the first pixel: 1 as in VOC, or 0. auto: 1, unless a coordinate shows 0."
        ),
    ] = FirstPixelKind.auto,
    difficult: Annotated[
        DifficultKind,
        typer.Option(
            help="Objects marked difficult: ignore makes ignore regions of them, keep ordinary annotations."
        ),
    ] = DifficultKind.ignore,
    *,
    shared: "ToolOptions",
    flags: ExecutionFlags,
) -> None:
    """Convert Pascal VOC XML (labelImg, NEU-DET) to a COCO dataset folder.

    A file without objects is a negative.
    """
    from msgspec import structs

    from convert.voc2coco import VocOptions, voc2coco

    options = VocOptions(**structs.asdict(shared), first_pixel=FIRST_PIXEL[first_pixel], difficult=difficult.value)
    run_conversion(voc2coco, source, dest, options, flags)


def cvat2coco_command(
    source: Annotated[
        Path,
        typer.Argument(
            click_type=READ, metavar="SRC", help="CVAT's annotations.xml, or the folder that contains it."
        ),
    ],
    dest: NewDataset,
    *,
    shared: "ToolOptions",
    flags: ExecutionFlags,
) -> None:
    """Convert CVAT for images 1.1 to a COCO dataset folder; an image without shapes is unlabelled."""
    from msgspec import structs

    from convert.cvat2coco import CvatOptions, cvat2coco

    options = CvatOptions(**structs.asdict(shared))
    run_conversion(cvat2coco, source, dest, options, flags)
