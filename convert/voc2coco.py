"""Pascal VOC XML to a COCO dataset folder: boxes, and polygons where a tool added them."""

from pathlib import Path
from typing import Literal

from convert.execution import Execution
from convert.report import Report
from convert.tool2coco import check_tool_options, tool2coco
from convert.tool_options import ToolOptions
from datasets.formats.voc import read_voc
from system.errors import InputError


class VocOptions(ToolOptions, frozen=True, kw_only=True):
    """`first_pixel` is what pixels count from, None decides by the coordinates; see datasets.formats.voc.

    Objects marked difficult are ignore regions, or with `difficult` keep annotations like others.
    """

    first_pixel: Literal[0, 1] | None = None
    difficult: Literal["ignore", "keep"] = "ignore"


def voc2coco(
    source: Path, dest: Path, options: VocOptions = VocOptions(), execution: Execution = Execution()
) -> Report:
    """Convert the XML files below `source`, each with its image, into the dataset folder `dest`.

    A file without object is a negative: somebody saved it. Splits come from `ImageSets/Main` or from folders
    called train, val and test. Raises InputError, OptionError, and OutputError for `dest`.
    """
    check_tool_options(options)
    errors: list[InputError] = []
    ignored = options.difficult == "ignore"
    export = read_voc(source, options.first_pixel, difficult_ignored=ignored, errors=errors)
    return tool2coco("voc2coco", source, export, errors, dest, options, execution)
