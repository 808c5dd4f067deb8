"""Convert a VGG Image Annotator project (VIA 1, 2 and 3) to a COCO dataset folder."""

from pathlib import Path

from convert.execution import Execution
from convert.report import Report
from convert.tool2coco import check_tool_options, tool2coco
from convert.tool_options import ToolOptions
from datasets.formats.via import read_via
from system.errors import InputError, OptionError


class ViaOptions(ToolOptions, frozen=True, kw_only=True):
    """`attribute` is the region attribute that contains the category; None is the only one.

    `category` is the category of all regions instead.
    """

    attribute: str | None = None
    category: str | None = None


def via2coco(
    source: Path, dest: Path, options: ViaOptions = ViaOptions(), execution: Execution = Execution()
) -> Report:
    """Convert a project or annotation export, or the JSON files in a folder, into the dataset folder `dest`.

    An image without regions is unlabelled, because VIA does not record whether somebody inspected it. Raises
    InputError if the export or an image cannot be read, OptionError for a wrong option, OutputError if `dest`
    exists or cannot be written.
    """
    check_tool_options(options)
    if options.attribute is not None and options.category is not None:
        raise OptionError("--attribute", "--category already names all regions", "give only one of them")
    errors: list[InputError] = []
    export = read_via(source, options.attribute, options.category, errors=errors)
    return tool2coco("via2coco", source, export, errors, dest, options, execution)
