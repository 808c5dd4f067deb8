"""VGG Image Annotator (VIA 1, 2 and 3) to a COCO dataset folder."""

from pathlib import Path

from convert.execution import Execution
from convert.report import Report
from convert.tool2coco import check_tool_options, tool2coco
from convert.tool_options import ToolOptions
from datasets.formats.via import read_via
from system.errors import InputError, OptionError


class ViaOptions(ToolOptions, frozen=True, kw_only=True):
    """`attribute` is the region attribute that names the category, None the only one there is.

    With `category` every region is of that one.
    """

    attribute: str | None = None
    category: str | None = None


def via2coco(
    source: Path, dest: Path, options: ViaOptions = ViaOptions(), execution: Execution = Execution()
) -> Report:
    """Convert a project or annotation export, or the JSON files in a folder, into the dataset folder `dest`.

    An image without region is unlabelled, because VIA does not record who looked. Raises InputError, OptionError,
    and OutputError for `dest`.
    """
    check_tool_options(options)
    if options.attribute is not None and options.category is not None:
        raise OptionError("--attribute", "--category already names every region", "give one of them")
    errors: list[InputError] = []
    export = read_via(source, options.attribute, options.category, errors=errors)
    return tool2coco("via2coco", source, export, errors, dest, options, execution)
