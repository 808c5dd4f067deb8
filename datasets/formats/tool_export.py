"""The value types of a labelling tool's export: images and shapes, the same for every file format.

Coordinates are in pixels and continuous: pixel i covers i to i + 1. The readers (`voc`, `cvat_xml`, `labelstudio`,
`via`, `csv_tables`) return a ToolExport; `convert.tool2coco` and `datasets check` take it from there.
"""

import math
from pathlib import Path
from typing import Literal

import msgspec

from datasets.formats.box_form import BoxForm, Values
from system.errors import InputError

Unit = Literal["pixel", "percent"]
Point = tuple[float, float]
MAX_COORDINATE = 1e9  # pixels; beyond, geometry loses its precision


class BoxShape(msgspec.Struct, frozen=True, tag=True):
    """A box without rotation, from (x0, y0) to (x1, y1) with x0 <= x1 and y0 <= y1."""

    x0: float
    y0: float
    x1: float
    y1: float


class PolygonShape(msgspec.Struct, frozen=True, tag=True):
    """A closed ring of corners, also of a rotated box."""

    points: list[Point]


class EllipseShape(msgspec.Struct, frozen=True, tag=True):
    """An ellipse: centre, half axes, and its clockwise rotation in degrees."""

    cx: float
    cy: float
    rx: float
    ry: float
    angle: float = 0


class LineShape(msgspec.Struct, frozen=True, tag=True):
    """Points without area: a line through them, or separate points."""

    points: list[Point]
    joined: bool


class MaskShape(msgspec.Struct, frozen=True, tag=True):
    """Pixels of a box of `width` x `height` at (left, top), still encoded; `mask_pixels.read_mask_shape` decodes.

    `rows` are run lengths row by row, background first, as text (CVAT); `columns` are pairs of first pixel and run
    length, counted from 1 down the columns, as text (Severstal); `brush` is Label Studio's packed form.
    """

    left: int
    top: int
    width: int
    height: int
    encoding: Literal["rows", "columns", "brush"]
    data: str | bytes


Geometry = BoxShape | PolygonShape | EllipseShape | LineShape | MaskShape


class ToolShape(msgspec.Struct, frozen=True):
    """One shape: its place `where` in the file, its label, its geometry.

    Shapes of one label and one `group` are one annotation; `ignore` makes an ignore region of it.
    """

    where: str
    label: str
    geometry: Geometry
    group: int | None = None
    ignore: bool = False


class Loss(msgspec.Struct, frozen=True):
    """An object that the reader could not turn into a shape: the place, a code of convert.codes, a value.

    `corners` are those of a box as the file has them, if they are in the wrong order.
    """

    where: str
    code: str
    value: str
    corners: Values | None = None


class ToolImage(msgspec.Struct, frozen=True):
    """One image of an export.

    `file` is the annotation file, relative to the source; `where` is the place in it. `names` are possible names
    of the image file, the most likely first; `remedy` is what to do if none of them exists; `beside` is the folder
    to prefer if several files have the name. `size` is (width, height), None if the file does not state it.
    `reviewed` is whether the file shows that somebody inspected the image, so that an image without shapes is
    good.
    """

    file: str
    where: str
    names: tuple[str, ...]
    size: tuple[int, int] | None
    shapes: list[ToolShape]
    losses: list[Loss]
    reviewed: bool
    split: str | None = None
    remedy: str = ""
    beside: str = ""


class ToolExport(msgspec.Struct, frozen=True):
    """The content of an export: images in the order of the files, and counts for the report.

    Images are searched in the folder `root`, but not in its subfolders `not_images`. `splits` is file name without
    extension -> split of each image that a list names, even if no file annotates it. `boxes` is the form in which
    the format writes boxes, `unit` is that of its coordinates: a percentage is one of the size of the image.
    """

    root: Path
    images: list[ToolImage]
    read: dict[str, int]
    losses: list[tuple[str, Loss]] = []
    not_images: frozenset[str] = frozenset()
    splits: dict[str, str] = {}
    boxes: BoxForm = "corners"
    unit: Unit = "pixel"


def rotate(points: list[Point], angle: float, pivot: Point) -> list[Point]:
    """The points rotated clockwise (y points down) by `angle` degrees about `pivot`."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    px, py = pivot
    return [(px + (x - px) * cos - (y - py) * sin, py + (x - px) * sin + (y - py) * cos) for x, y in points]


def box_shape(
    corners: tuple[float, float, float, float], angle: float = 0, pivot: Point | None = None
) -> Geometry:
    """A box from (x0, y0) to (x1, y1) in any order, rotated clockwise by `angle` degrees about `pivot`.

    Without `pivot` it is rotated about its centre.

    >>> box_shape((4, 8, 2, 6))
    BoxShape(x0=2, y0=6, x1=4, y1=8)
    """
    x0, x1 = sorted((corners[0], corners[2]))
    y0, y1 = sorted((corners[1], corners[3]))
    if angle % 360 == 0:
        return BoxShape(x0, y0, x1, y1)
    ring: list[Point] = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return PolygonShape(rotate(ring, angle, pivot or ((x0 + x1) / 2, (y0 + y1) / 2)))


def swapped_corners(where: str, corners: tuple[float, float, float, float]) -> Loss:
    """The note for a box (x0, y0, x1, y1) whose last corner is before its first one."""
    x0, y0, x1, y1 = corners
    return Loss(where, "swapped-corners", f"{x0:g}, {y0:g} to {x1:g}, {y1:g}", corners)


def check_not_negative(path: Path | str, where: str, *sizes: float) -> None:
    """Raise InputError for a negative width, height or radius of the shape at `where`."""
    for size in sizes:
        if size < 0:
            raise InputError(path, f"{where} has the size {size:g}", "a size cannot be negative")


def parse_number(path: Path | str, where: str, value: object) -> float:
    """A finite number from a number or its text. Raises InputError naming `where`."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= MAX_COORDINATE:
        problem = f"{where} is {_short(value)}, not a number up to {MAX_COORDINATE:g}"
        raise InputError(path, problem, "correct the value")
    return number


def parse_size(path: Path | str, where: str, width: object, height: object) -> tuple[int, int] | None:
    """Width and height as whole numbers, None if one is missing or 0, as some tools write it.

    Raises InputError for anything else.
    """
    if width in {None, "", 0, "0"} or height in {None, "", 0, "0"}:
        return None
    size = parse_number(path, f"the width of {where}", width), parse_number(path, f"the height of {where}", height)
    if any(value < 0 or value != int(value) for value in size):
        raise InputError(path, f"the size of {where} is {_short(width)} x {_short(height)}", "correct the value")
    return (int(size[0]), int(size[1])) if all(size) else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
