"""Convert a JSON or JSON-MIN export of Label Studio to a COCO dataset folder."""

from pathlib import Path

from convert.execution import Execution
from convert.report import Report
from convert.tool2coco import check_tool_options, tool2coco
from convert.tool_options import ToolOptions
from datasets.formats.labelstudio import AnnotationChoice, read_labelstudio
from system.errors import InputError


class LabelStudioOptions(ToolOptions, frozen=True, kw_only=True):
    """`annotation` selects one of several annotations of a task; `predictions` reads a prediction if it has none.

    `image_key` is the key of the image in a task's data; None if there is only one.
    """

    annotation: AnnotationChoice = "first"
    predictions: bool = False
    image_key: str | None = None


def labelstudio2coco(
    source: Path,
    dest: Path,
    options: LabelStudioOptions = LabelStudioOptions(),
    execution: Execution = Execution(),
) -> Report:
    """Convert a JSON export, or the JSON files in a folder, into the dataset folder `dest`.

    An annotation without regions is a negative; a task without annotation is unlabelled. Images are never
    downloaded. Raises InputError if the export or an image cannot be read, OptionError for a wrong option,
    OutputError if `dest` exists or cannot be written.
    """
    check_tool_options(options)
    errors: list[InputError] = []
    export = read_labelstudio(
        source,
        options.annotation,
        predictions=options.predictions,
        image_key=options.image_key,
        errors=errors,
    )
    return tool2coco("labelstudio2coco", source, export, errors, dest, options, execution)
