"""Detect by its content which labelling tool wrote a file or folder."""

from pathlib import Path
from typing import Protocol

import msgspec

from datasets.formats.csv_tables import find_csv_table, is_csv_table, read_csv_table
from datasets.formats.cvat_xml import ROOT_NAME as CVAT_ROOT
from datasets.formats.cvat_xml import read_cvat
from datasets.formats.labelme import read_json
from datasets.formats.labelstudio import read_labelstudio
from datasets.formats.tool_export import ToolExport
from datasets.formats.via import list_via_files, read_via
from datasets.formats.voc import ROOT_NAME as VOC_ROOT
from datasets.formats.voc import read_voc
from datasets.formats.xml_elements import root_name
from system.errors import InputError
from system.files import BYTE_ORDER_MARK

MAX_PEEKS = 5  # JSON or XML files of a folder that are opened
LABEL_STUDIO_KEYS = ("annotations", "completions", "predictions", "annotation_id", "task")


class ToolReader(Protocol):
    """A reader of the export of one tool, with default options."""

    def __call__(self, source: Path, *, errors: list[InputError] | None = None) -> ToolExport:
        """Read `source`; faults of its parts are added to `errors`, if given. Raises InputError."""


class ToolFormat(msgspec.Struct, frozen=True):
    """The name of a format and its reader."""

    name: str
    read: ToolReader


VOC = ToolFormat("Pascal VOC XML", read_voc)
CVAT = ToolFormat("CVAT XML", read_cvat)
LABEL_STUDIO = ToolFormat("Label Studio export", read_labelstudio)
VIA = ToolFormat("VGG Image Annotator", read_via)
CSV = ToolFormat("CSV table", read_csv_table)


def find_tool_format(root: Path) -> tuple[ToolFormat, Path] | None:
    """The format of a file or folder, and the path to pass to its reader; None if no tool is recognised.

    A folder with labelme files is never the export of another tool.
    """
    if root.is_file():
        tool_format = _format_of_file(root)
        return None if tool_format is None else (tool_format, root)
    files = sorted(path for path in root.iterdir() if path.is_file() and not path.name.startswith("."))
    listed = [path for path in files if path.suffix.lower() == ".json"]
    folders = [path for path in root.glob("*.json") if path.is_dir()]  # a reader reports them
    alone, listed = len(listed) + len(folders) == 1, listed[:MAX_PEEKS]
    for path in listed:
        if tool_format := _format_of_file(path):
            return tool_format, path if alone else root
    if any(_is_labelme(path) for path in listed):
        return None
    if not listed and any(_format_of_file(path) is VIA for path in list_via_files(root)[:MAX_PEEKS]):
        return VIA, root
    if any(path.suffix.lower() == ".csv" and is_csv_table(path) for path in files):
        return CSV, find_csv_table(root)
    listed = [path for path in sorted(root.rglob("*.[xX][mM][lL]")) if not _is_hidden(path, root)][:MAX_PEEKS]
    known = next((known for path in listed if (known := _format_of_file(path))), None)
    return None if known is None else (known, root)


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _format_of_file(path: Path) -> ToolFormat | None:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return CSV if is_csv_table(path) else None
    if suffix == ".xml":
        return {VOC_ROOT: VOC, CVAT_ROOT: CVAT}.get(root_name(path))
    return _format_of_json(_peek(path)) if suffix == ".json" else None


def _peek(path: Path) -> dict[str, msgspec.Raw] | list[msgspec.Raw]:
    """The outermost level of a JSON file, empty if it cannot be read."""
    try:
        data = read_json(path).removeprefix(BYTE_ORDER_MARK)
        return msgspec.json.decode(data, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InputError):
        return []


def _format_of_json(value: dict[str, msgspec.Raw] | list[msgspec.Raw]) -> ToolFormat | None:
    if isinstance(value, dict):
        if "_via_img_metadata" in value or {"metadata", "view", "file"} <= value.keys():
            return VIA
        if _is_task(value):
            return LABEL_STUDIO
        first = next(iter(value.values()), None)
        return VIA if first is not None and {"filename", "regions"} <= _keys(first).keys() else None
    return LABEL_STUDIO if value and _is_task(_keys(value[0])) else None


def _is_task(record: dict[str, msgspec.Raw]) -> bool:
    return ("data" in record or "annotation_id" in record or "task" in record) and any(
        key in record for key in LABEL_STUDIO_KEYS
    )


def _keys(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.MsgspecError:
        return {}


def _is_labelme(path: Path) -> bool:
    peeked = _peek(path)
    return isinstance(peeked, dict) and "shapes" in peeked
