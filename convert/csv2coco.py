"""Convert a CSV table to a COCO dataset folder: Severstal run lengths, makesense.ai boxes, boxes by corners."""

from pathlib import Path

from convert.execution import Execution
from convert.report import Report
from convert.tool2coco import check_tool_options, tool2coco
from convert.tool_options import ToolOptions
from datasets.formats.csv_tables import read_csv_table
from system.errors import InputError


class CsvOptions(ToolOptions, frozen=True, kw_only=True):
    """The options of every labelling tool."""


def csv2coco(
    source: Path, dest: Path, options: CsvOptions = CsvOptions(), execution: Execution = Execution()
) -> Report:
    """Convert a CSV file of annotations, or the folder that has one, into the dataset folder `dest`.

    Run lengths cover all defects of one type in an image; each component becomes an annotation. Raises InputError
    if the table or an image cannot be read, OptionError for a wrong option, OutputError if `dest` exists or cannot
    be written.
    """
    check_tool_options(options)
    errors: list[InputError] = []
    export = read_csv_table(source, errors=errors)
    return tool2coco("csv2coco", source, export, errors, dest, options, execution)
