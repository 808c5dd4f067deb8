"""Label Studio's JSON and JSON-MIN exports to a COCO dataset folder."""

from pathlib import Path

from convert.execution import Execution
from convert.report import Report
from convert.tool2coco import check_tool_options, tool2coco
from convert.tool_options import ToolOptions
from datasets.formats.labelstudio import AnnotationChoice, read_labelstudio
from system.errors import InputError


class LabelStudioOptions(ToolOptions, frozen=True, kw_only=True):
    """`annotation` chooses among several of one task; `predictions` reads a prediction where there is none.

    `image_key` is the key of the image in a task's data, None where it has only one.
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

    An annotation without region is a negative, a task without annotation unlabelled. Images are never downloaded.
    Raises InputError, OptionError, and OutputError for `dest`.
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
