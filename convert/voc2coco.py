"""Convert Pascal VOC XML to a COCO dataset folder: boxes, and polygons of tools that add them."""

from pathlib import Path
from typing import Literal

from convert.execution import Execution
from convert.report import Report
from convert.tool2coco import check_tool_options, tool2coco
from convert.tool_options import ToolOptions
from datasets.formats.voc import read_voc
from system.errors import InputError
from system.exclude import Excluder


class VocOptions(ToolOptions, frozen=True, kw_only=True):
    """`first_pixel` is the coordinate of the first pixel; None detects it, see datasets.formats.voc.

    `difficult` ignore makes ignore regions of objects marked difficult, keep makes ordinary annotations of them.
    """

    first_pixel: Literal[0, 1] | None = None
    difficult: Literal["ignore", "keep"] = "ignore"


def voc2coco(
    source: Path, dest: Path, options: VocOptions = VocOptions(), execution: Execution = Execution()
) -> Report:
    """Convert the XML files below `source`, each with its image, into the dataset folder `dest`.

    A file without objects is a negative, because somebody saved it. Splits are read from `ImageSets/Main` or from
    folders named train, val and test. Raises InputError if a file or an image cannot be read, OptionError for a
    wrong option, OutputError if `dest` exists or cannot be written.
    """
    check_tool_options(options)
    errors: list[InputError] = []
    exclude = Excluder(execution.exclude)
    ignored = options.difficult == "ignore"
    export = read_voc(source, options.first_pixel, difficult_ignored=ignored, errors=errors, exclude=exclude)
    return tool2coco("voc2coco", source, export, errors, dest, options, execution, exclude)
