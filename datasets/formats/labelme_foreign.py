"""Convert JSON files of AnyLabeling, X-AnyLabeling, scripts and ISAT to labelme's layout.

AnyLabeling, X-AnyLabeling and scripts write labelme's layout with small differences, which are normalised here.
ISAT has its own layout: `info` contains the name of the image, `objects` contains polygons. In ISAT's masks later
layers cover earlier ones; here every object keeps its whole polygon. Source:
https://github.com/CVHub520/X-AnyLabeling, https://github.com/yatengLG/ISAT_with_segment_anything.
"""

from collections.abc import Sequence
from typing import TypeGuard

ISAT = "ISAT"
ISAT_BACKGROUND = "__background__"
BACKGROUND = "_background_"  # labelme's name
SIZES = ("imageHeight", "imageWidth")

Object = dict[str, object]


def is_isat(raw: object) -> TypeGuard[Object]:
    """Whether decoded JSON is an ISAT file."""
    return _is_object(raw) and _is_object(raw.get("info")) and isinstance(raw.get("objects"), list)


def to_labelme(raw: object) -> object:
    """Decoded JSON in labelme's layout; unknown values are unchanged, and the reader refuses them.

    Sizes such as 48.0 become integers. A `group_id` given as text becomes a number: the one it contains, or else
    one that the file does not use.
    """
    if is_isat(raw):
        return _from_isat(raw)
    if not _is_object(raw):
        return raw
    repaired = dict(raw)
    for key in SIZES:
        repaired[key] = _whole(raw.get(key))
    shapes = raw.get("shapes")
    if isinstance(shapes, list):
        repaired["shapes"] = _with_numbered_groups(shapes)
    return repaired


def _from_isat(raw: Object) -> Object:
    info, objects = raw["info"], raw["objects"]
    assert _is_object(info)
    assert isinstance(objects, list)
    shapes = [_from_isat_object(thing) for thing in objects]
    return {
        "shapes": _with_numbered_groups(shapes),
        "imagePath": info.get("name"),
        "imageHeight": _whole(info.get("height")),
        "imageWidth": _whole(info.get("width")),
    }


def _from_isat_object(thing: object) -> object:
    if not _is_object(thing):
        return thing
    label = BACKGROUND if thing.get("category") == ISAT_BACKGROUND else thing.get("category")
    return {
        "label": label,
        "points": thing.get("segmentation"),
        "group_id": thing.get("group"),
        "shape_type": "polygon",
        "difficult": bool(thing.get("iscrowd")),
    }


def _with_numbered_groups(shapes: Sequence[object]) -> list[object]:
    groups = [shape.get("group_id") for shape in shapes if _is_object(shape)]
    numbers = {group: _number(group) for group in groups if isinstance(group, str | float)}
    used = [group for group in (*groups, *numbers.values()) if isinstance(group, int)]
    unused = max([0, *used]) + 1
    for text, number in numbers.items():
        if number is None and text != "":
            numbers[text], unused = unused, unused + 1
    return [
        shape | {"group_id": numbers.get(group, group) if isinstance(group, str | float) else group}
        if _is_object(shape) and (group := shape.get("group_id")) is not None
        else shape
        for shape in shapes
    ]


def _number(group: str | float) -> int | None:
    if isinstance(group, float):
        return int(group) if group.is_integer() else None
    text = group.strip()
    return int(text) if text.lstrip("-").isdecimal() and text.isascii() and len(text) < 19 else None


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_object(value: object) -> TypeGuard[Object]:
    return isinstance(value, dict)
