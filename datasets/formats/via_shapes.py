"""The shapes of VIA 2 (named numbers) and VIA 3 (a list that begins with the number of the shape)."""

import math
from pathlib import Path

from datasets.formats.json_values import Object, as_list
from datasets.formats.tool_export import (
    EllipseShape,
    Geometry,
    LineShape,
    Point,
    PolygonShape,
    box_shape,
    check_not_negative,
    parse_number,
)
from system.errors import InputError

VIA3_NAMES = {
    1: "point",
    2: "rect",
    3: "circle",
    4: "ellipse",
    5: "line",
    6: "polyline",
    7: "polygon",
    8: "extreme_rect",
    9: "extreme_circle",
}
NUMBERS_OF = {"point": 2, "rect": 4, "circle": 3, "ellipse": 4, "line": 4}


def via2_shape(path: Path, where: str, shape: Object) -> tuple[str, Geometry | None]:
    """Name and geometry of `shape_attributes`, None for a shape that cannot be drawn. Raises InputError."""
    name = str(shape.get("name", ""))
    if name in {"polygon", "polyline"}:
        axes = [as_list(path, f"{where} all_points_{axis}", shape.get(f"all_points_{axis}")) for axis in "xy"]
        if len(axes[0]) != len(axes[1]):
            problem = f"{where} has {len(axes[0])} x and {len(axes[1])} y coordinates"
            raise InputError(path, problem, "draw the region again")
        flat = [value for pair in zip(*axes, strict=True) for value in pair]
        return name, _geometry(path, where, name, flat)
    keys = {
        "rect": ("x", "y", "width", "height"),
        "circle": ("cx", "cy", "r"),
        "ellipse": ("cx", "cy", "rx", "ry"),
        "point": ("cx", "cy"),
    }.get(name)
    if keys is None:
        raise InputError(path, f"{where} has the unknown shape {name!r}", "draw the region again")
    angle = math.degrees(parse_number(path, f"theta of {where}", shape.get("theta") or 0))
    return name, _geometry(path, where, name, [shape.get(key) for key in keys], angle)


def via3_shape(path: Path, where: str, numbers: list[object]) -> tuple[str, Geometry | None]:
    """Name and geometry of `xy`, None for a shape that cannot be drawn. Raises InputError."""
    number = numbers[0]
    name = VIA3_NAMES.get(number, "") if isinstance(number, int) else ""
    if not name:
        raise InputError(path, f"{where}.xy begins with {number!r}, which is not a shape", "draw the region again")
    return name, _geometry(path, where, name, numbers[1:])


def _geometry(path: Path, where: str, name: str, values: list[object], angle: float = 0) -> Geometry | None:
    numbers = [parse_number(path, f"a coordinate of {where}", value) for value in values]
    wanted = NUMBERS_OF.get(name)
    if (wanted is not None and len(numbers) != wanted) or (wanted is None and len(numbers) % 2):
        raise InputError(
            path, f"{where} has {len(numbers)} numbers, which does not fit a {name}", "draw the region again"
        )
    points: list[Point] = list(zip(numbers[::2], numbers[1::2], strict=False))
    if name == "extreme_rect" and points:  # four points on the sides
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return box_shape((min(xs), min(ys), max(xs), max(ys)))
    if name in {"circle", "ellipse"}:
        check_not_negative(path, where, *numbers[2:])
        return EllipseShape(numbers[0], numbers[1], numbers[2], numbers[-1], angle)
    if name == "rect":
        check_not_negative(path, where, *numbers[2:])
        return box_shape((numbers[0], numbers[1], numbers[0] + numbers[2], numbers[1] + numbers[3]))
    if name == "polygon":
        return PolygonShape(points)
    return LineShape(points, joined=name != "point") if name in {"line", "polyline", "point"} else None
