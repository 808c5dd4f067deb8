"""Convert CVAT for images 1.1 (XML) to a COCO dataset folder."""

from pathlib import Path

from convert.execution import Execution
from convert.report import Report
from convert.tool2coco import check_tool_options, tool2coco
from convert.tool_options import ToolOptions
from datasets.formats.cvat_xml import read_cvat
from system.errors import InputError


class CvatOptions(ToolOptions, frozen=True, kw_only=True):
    """The options of every labelling tool."""


def cvat2coco(
    source: Path, dest: Path, options: CvatOptions = CvatOptions(), execution: Execution = Execution()
) -> Report:
    """Convert CVAT's annotations.xml, or the folder that contains it, into the dataset folder `dest`.

    Cuboids, skeletons and tags are lost and reported; points and lines, too, without `line_width`. An image
    without shapes is unlabelled, because CVAT does not record whether somebody inspected it. Raises InputError if
    the export or an image cannot be read, and for CVAT for video; OptionError for a wrong option; OutputError if
    `dest` exists or cannot be written.
    """
    check_tool_options(options)
    errors: list[InputError] = []
    export = read_cvat(source, errors=errors)
    return tool2coco("cvat2coco", source, export, errors, dest, options, execution)
