"""Read CSV tables of annotations: Severstal run lengths, makesense.ai boxes, boxes by their corners.

Sources: https://www.kaggle.com/c/severstal-steel-defect-detection/data (pixels count from 1, down the columns);
https://github.com/SkalskiP/make-sense; the TensorFlow object detection tables that Roboflow exports, whose corners
are edges that count from 0.
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path

from datasets.formats.box_form import BoxForm
from datasets.formats.tool_export import (
    MaskShape,
    ToolExport,
    ToolImage,
    ToolShape,
    box_shape,
    check_not_negative,
    parse_number,
    parse_size,
)
from system.errors import InputError, collected
from system.files import BYTE_ORDER_MARK, read_file

MAKESENSE = (
    "label_name",
    "bbox_x",
    "bbox_y",
    "bbox_width",
    "bbox_height",
    "image_name",
    "image_width",
    "image_height",
)
CORNERS = frozenset({"filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"})
SEVERSTAL = frozenset({"ImageId", "ClassId", "EncodedPixels"})
SEVERSTAL_JOINED = frozenset({"ImageId_ClassId", "EncodedPixels"})
MAX_CELL = 2**26  # characters
Row = dict[str, str]
RowReader = Callable[[Path, str, Row], tuple[str, tuple[int, int] | None, ToolShape | None]]


def read_csv_table(source: Path, *, errors: list[InputError] | None = None) -> ToolExport:
    """Read one CSV file; its header determines the layout. The eight columns of makesense.ai may have no header.

    `source` is the file, or a folder in which it is the only such file. A row of Severstal contains all pixels of
    one defect type in an image, which may be several components; a row without pixels shows that somebody
    inspected the image. Faults of a row are added to `errors`, if given, and the images that the row names are
    left out. Raises InputError.
    """
    if source.is_dir():
        source = find_csv_table(source)
    rows = _read_rows(source)
    header = {cell.strip() for cell in rows[0]} if rows else set()
    reader, names = _layout(source, rows, header)
    has_header = set(names) <= header
    columns = [cell.strip() for cell in rows[0]] if has_header else list(names)
    images: dict[str, ToolImage] = {}
    bad: set[str] = set()
    for number, cells in enumerate(rows[has_header:], 1 + has_header):
        known = len(errors or [])
        with collected(errors):
            _read_row(source, f"row {number}", columns, cells, reader, images)
        if len(errors or []) > known:
            named = {cell.strip() for cell in cells}
            bad |= named | {name.rpartition("_")[0] for name in named}
    images = {name: image for name, image in images.items() if name not in bad}
    if not images and not errors:
        raise InputError(source, "contains no rows", "name a CSV file of annotations")
    listed = list(images.values())
    read = {"rows": len(rows) - has_header, "images": len(listed), "shapes": sum(len(i.shapes) for i in listed)}
    form: BoxForm = "corner-size" if reader is _makesense else "corners"
    return ToolExport(source.parent, listed, read, boxes=form)


def _read_row(
    source: Path, where: str, columns: list[str], cells: list[str], reader: RowReader, images: dict[str, ToolImage]
) -> None:
    if len(cells) != len(columns):
        raise InputError(source, f"{where} has {len(cells)} cells instead of {len(columns)}", "correct the row")
    name, size, shape = reader(source, where, dict(zip(columns, (c.strip() for c in cells), strict=True)))
    if not name:
        raise InputError(source, f"{where} has no image name", "correct the row")
    known = images.get(name)
    if known is None:
        known = images[name] = ToolImage(source.name, where, (name,), size, [], [], reviewed=True)
    elif known.size != size:
        raise InputError(source, f"{where} gives {name} a different size from {known.where}", "correct the row")
    if shape is not None:
        known.shapes.append(shape)


def find_csv_table(folder: Path) -> Path:
    """The only CSV file in `folder` that is a table of annotations, whatever its name.

    A file whose cells with annotations are all equal, such as Kaggle's sample_submission.csv, is an example of how
    predictions are written. Raises InputError if there is no table or more than one.
    """
    listed = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and path.is_file())
    tables = [path for path in listed if is_csv_table(path)]
    found = [path for path in tables if not _is_example(path)] or tables
    if len(found) == 1:
        return found[0]
    if not found:
        names = ", ".join(path.name for path in listed[:5])
        problem = f"no CSV file of annotations in this folder ({names or 'no CSV file at all'})"
        raise InputError(folder, problem, "name the CSV file")
    problem = f"{len(found)} CSV files of annotations in this folder: {', '.join(path.name for path in found[:5])}"
    raise InputError(folder, problem, "name one of them")


def _is_example(path: Path) -> bool:
    """Whether a table of run lengths has the same pixels in every row of several."""
    header, *rows = _read_rows(path)
    columns = [cell.strip() for cell in header]
    if "EncodedPixels" not in columns or len(rows) < 2:
        return False
    number = columns.index("EncodedPixels")
    return len({row[number].strip() for row in rows if len(row) > number}) == 1


def is_csv_table(source: Path) -> bool:
    """Whether `read_csv_table` knows the layout."""
    try:
        rows = _read_rows(source)
        _layout(source, rows, {cell.strip() for cell in rows[0]} if rows else set())
    except InputError:
        return False
    return True


def _read_rows(source: Path) -> list[list[str]]:
    csv.field_size_limit(MAX_CELL)
    try:
        text = read_file(source).removeprefix(BYTE_ORDER_MARK).decode()
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except FileNotFoundError:
        raise InputError(source, "no such file", "name the CSV file") from None
    except UnicodeDecodeError as error:
        raise InputError(source, f"not UTF-8 text: {error}", "save it as UTF-8") from None
    except csv.Error as error:
        raise InputError(source, f"not valid CSV: {error}", "correct it") from None


def _layout(source: Path, rows: list[list[str]], header: set[str]) -> tuple[RowReader, tuple[str, ...]]:
    for names, reader in (
        (SEVERSTAL, _severstal),
        (SEVERSTAL_JOINED, _severstal_joined),
        (CORNERS, _corners),
        (frozenset(MAKESENSE), _makesense),
    ):
        if names <= header:
            return reader, tuple(names)
    if rows and len(rows[0]) == len(MAKESENSE) and not header & CORNERS:
        return _makesense, MAKESENSE
    raise InputError(
        source,
        f"unknown columns: {', '.join(rows[0])[:100] if rows else 'none'}",
        "use the columns of Severstal (ImageId,ClassId,EncodedPixels), makesense.ai or TensorFlow (xmin,ymin,...)",
    )


def _severstal(source: Path, where: str, row: Row) -> tuple[str, tuple[int, int] | None, ToolShape | None]:
    runs, label = row["EncodedPixels"], row["ClassId"]
    if not runs:
        return row["ImageId"], None, None
    if not label:
        raise InputError(source, f"{where} has pixels but no ClassId", "correct the row")
    return row["ImageId"], None, ToolShape(where, label, MaskShape(0, 0, 0, 0, "columns", runs))


def _severstal_joined(source: Path, where: str, row: Row) -> tuple[str, tuple[int, int] | None, ToolShape | None]:
    """The table of the first weeks of the competition: one row per image and class."""
    image, _, label = row["ImageId_ClassId"].rpartition("_")
    return _severstal(source, where, {"ImageId": image, "ClassId": label, "EncodedPixels": row["EncodedPixels"]})


def _makesense(source: Path, where: str, row: Row) -> tuple[str, tuple[int, int] | None, ToolShape | None]:
    x, y, w, h = (parse_number(source, f"{name} of {where}", row[name]) for name in MAKESENSE[1:5])
    check_not_negative(source, where, w, h)
    size = parse_size(source, where, row["image_width"], row["image_height"])
    return row["image_name"], size, _box(source, where, row["label_name"], (x, y, x + w, y + h))


def _corners(source: Path, where: str, row: Row) -> tuple[str, tuple[int, int] | None, ToolShape | None]:
    size = parse_size(source, where, row["width"], row["height"])
    if not row["class"] and not row["xmin"]:
        return row["filename"], size, None
    names = ("xmin", "ymin", "xmax", "ymax")
    x0, y0, x1, y1 = (parse_number(source, f"{name} of {where}", row[name]) for name in names)
    if x1 < x0 or y1 < y0:
        problem = f"{where} has xmax {x1:g} and ymax {y1:g} below xmin {x0:g} and ymin {y0:g}"
        raise InputError(source, problem, "write corners; the columns seem to contain width and height")
    return row["filename"], size, _box(source, where, row["class"], (x0, y0, x1, y1))


def _box(source: Path, where: str, label: str, corners: tuple[float, float, float, float]) -> ToolShape:
    if not label:
        raise InputError(source, f"{where} has no category", "correct the row")
    return ToolShape(where, label, box_shape(corners))
