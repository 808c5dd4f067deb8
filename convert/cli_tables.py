"""The commands that convert from Label Studio, VGG Image Annotator and CSV tables."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convert.cli_execution import ExecutionFlags, run_conversion, with_execution
from convert.cli_options import Connectivity, NewDataset, parse_connectivity
from convert.cli_tool_options import with_shared_options
from system.stored_path import READ

if TYPE_CHECKING:
    from convert.tool_options import ToolOptions


class AnnotationKind(StrEnum):
    """Which annotation of a task is read."""

    first = "first"
    last = "last"
    ground_truth = "ground-truth"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("labelstudio2coco")(with_execution(with_shared_options(labelstudio2coco_command)))
    app.command("via2coco")(with_execution(with_shared_options(via2coco_command)))
    app.command("csv2coco")(with_execution(with_shared_options(csv2coco_command)))


def labelstudio2coco_command(
    source: Annotated[
        Path,
        typer.Argument(
            click_type=READ, metavar="SRC", help="JSON or JSON-MIN export of Label Studio: a file or a folder."
        ),
    ],
    dest: NewDataset,
    annotation: Annotated[
        AnnotationKind, typer.Option(help="Which annotation to read if a task has several.")
    ] = AnnotationKind.first,
    predictions: Annotated[
        bool, typer.Option("--predictions", help="Read a prediction if a task has no annotation.")
    ] = False,
    image_key: Annotated[
        str | None, typer.Option(help="Key of the image in a task's data, if it has several.")
    ] = None,
    *,
    shared: "ToolOptions",
    flags: ExecutionFlags,
) -> None:
    """Convert a JSON or JSON-MIN export of Label Studio to a COCO dataset folder; downloads nothing."""
    from msgspec import structs

    from convert.labelstudio2coco import LabelStudioOptions, labelstudio2coco

    options = LabelStudioOptions(
        **structs.asdict(shared), annotation=annotation.value, predictions=predictions, image_key=image_key
    )
    run_conversion(labelstudio2coco, source, dest, options, flags)


def via2coco_command(
    source: Annotated[
        Path,
        typer.Argument(click_type=READ, metavar="SRC", help="VIA project or JSON export: a file or a folder."),
    ],
    dest: NewDataset,
    attribute: Annotated[
        str | None, typer.Option(help="Region attribute with the category; by default the only attribute.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Category of all regions, if no attribute contains it.")
    ] = None,
    *,
    shared: "ToolOptions",
    flags: ExecutionFlags,
) -> None:
    """Convert a VGG Image Annotator project (VIA 1, 2, 3) to a COCO dataset folder."""
    from msgspec import structs

    from convert.via2coco import ViaOptions, via2coco

    options = ViaOptions(**structs.asdict(shared), attribute=attribute, category=category)
    run_conversion(via2coco, source, dest, options, flags)


def csv2coco_command(
    source: Annotated[
        Path,
        typer.Argument(
            click_type=READ, metavar="SRC", help="CSV file of annotations, or the folder that has one."
        ),
    ],
    dest: NewDataset,
    connectivity: Connectivity = 8,
    *,
    shared: "ToolOptions",
    flags: ExecutionFlags,
) -> None:
    """Convert a CSV table (Severstal, makesense.ai or filename,width,height,class,xmin,...) to a COCO dataset."""
    from msgspec import structs

    from convert.csv2coco import CsvOptions, csv2coco

    options = CsvOptions(**structs.asdict(structs.replace(shared, connectivity=parse_connectivity(connectivity))))
    run_conversion(csv2coco, source, dest, options, flags)
