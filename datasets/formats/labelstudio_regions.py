"""Convert the regions of a Label Studio annotation to shapes in pixels.

Coordinates are percentages of the size of the original image. A rectangle is rotated clockwise about its upper
left corner, an ellipse about its centre. A region is one result with geometry and labels, or several results with
one id.
"""

from pathlib import Path

import msgspec

from datasets.formats.json_values import Object, as_list, as_object
from datasets.formats.tool_export import (
    EllipseShape,
    Geometry,
    LineShape,
    Loss,
    MaskShape,
    Point,
    PolygonShape,
    ToolShape,
    box_shape,
    check_not_negative,
    parse_number,
    parse_size,
)
from system.errors import InputError

GEOMETRY_KEYS = frozenset({"x", "points", "rle", "vertices", "imageDataURL", "sequence"})
DECIMALS = 6  # of a pixel; more is rounding of the percentages


class Regions(msgspec.Struct, frozen=True):
    """The shapes of one annotation and the size (width, height) of its image, None if it is not stated."""

    shapes: list[ToolShape]
    losses: list[Loss]
    size: tuple[int, int] | None


class _LabelStudioRegion(msgspec.Struct):
    """The results with one id."""

    where: str
    kind: str = ""
    geometry: Object | None = None
    size: tuple[int, int] | None = None
    labels: list[str] = []
    others: list[str] = []


def read_regions(path: Path, where: str, result: object) -> Regions:
    """The regions in the `result` of an annotation of the task `where`. Raises InputError."""
    regions: dict[object, _LabelStudioRegion] = {}
    for number, item in enumerate(as_list(path, f"{where} result", result)):
        place = f"{where} result {number + 1}"
        record = as_object(path, place, item)
        key = record["id"] if isinstance(record.get("id"), str) else number
        _collect(path, place, record, regions.setdefault(key, _LabelStudioRegion(place)))
    shapes: list[ToolShape] = []
    losses: list[Loss] = []
    sizes: dict[tuple[int, int], str] = {}
    for region in regions.values():
        if region.size is not None:
            sizes.setdefault(region.size, region.where)
        if region.geometry is None:
            losses += [Loss(region.where, "tag-lost", other) for other in region.others]
        elif not region.labels:
            losses.append(Loss(region.where, "no-label", region.kind))
        elif (geometry := _geometry(path, region)) is None:
            losses.append(Loss(region.where, "shape-lost", region.kind))
        else:
            shapes += [ToolShape(region.where, label, geometry) for label in region.labels]
            if len(region.labels) > 1:
                losses.append(Loss(region.where, "several-labels", ", ".join(region.labels)))
    if len(sizes) > 1:
        (first, place), (second, other) = list(sizes.items())[:2]
        problem = f"{place} states an image of {first[0]} x {first[1]} pixels, {other} {second[0]} x {second[1]}"
        raise InputError(path, problem, "label the image again")
    return Regions(shapes, losses, next(iter(sizes), None))


def _collect(path: Path, place: str, record: Object, region: _LabelStudioRegion) -> None:
    if record.get("type") == "relation":
        return
    value = as_object(path, f"{place} value", record.get("value", {}))
    if record.get("image_rotation"):
        problem = f"{place} was drawn on an image rotated by {record['image_rotation']} degrees in Label Studio"
        raise InputError(path, problem, "rotate the image file and label it again")
    if value.get("item_index") or record.get("item_index"):
        raise InputError(path, f"{place} is on one of several pages", "make one task per page")
    labels = [
        label
        for key, listed in value.items()
        if key.endswith("labels") and isinstance(listed, list)
        for label in listed
        if isinstance(label, str) and label
    ]
    region.labels = region.labels or list(dict.fromkeys(labels))
    if GEOMETRY_KEYS & value.keys():
        if region.geometry is None:
            region.kind = str(record.get("type") or next((k for k in value if k.endswith("labels")), "region"))
            region.geometry = value
            region.size = parse_size(path, place, record.get("original_width"), record.get("original_height"))
    else:
        kind = str(record.get("type") or "choices")
        region.others = [*region.others, f"{kind} {value.get(kind, '')}"[:60]]


def _geometry(path: Path, region: _LabelStudioRegion) -> Geometry | None:
    value, where = region.geometry or {}, region.where
    if region.size is None:
        raise InputError(path, f"{where} has no original_width and original_height", "export it again")
    if "rle" in value:
        return _brush(path, region)
    if "points" in value:
        return PolygonShape(
            [_point(path, region, pair) for pair in as_list(path, f"{where} points", value["points"])]
        )
    if not {"x", "y"} <= value.keys() or "sequence" in value:
        return None
    x, y = _scaled(path, region, "x", 0), _scaled(path, region, "y", 1)
    angle = parse_number(path, f"rotation of {where}", value.get("rotation") or 0)
    if "radiusX" in value:
        radii = (_scaled(path, region, "radiusX", 0), _scaled(path, region, "radiusY", 1))
        check_not_negative(path, where, *radii)
        return EllipseShape(x, y, *radii, angle)
    if "keypoint" in region.kind or "height" not in value:
        return LineShape([(x, y)], joined=False)
    w, h = _scaled(path, region, "width", 0), _scaled(path, region, "height", 1)
    check_not_negative(path, where, w, h)
    return box_shape((x, y, round(x + w, DECIMALS), round(y + h, DECIMALS)), angle, (x, y))


def _brush(path: Path, region: _LabelStudioRegion) -> MaskShape:
    values = as_list(path, f"{region.where} rle", (region.geometry or {})["rle"])
    width, height = region.size or (0, 0)
    try:
        data = bytes(value if isinstance(value, int) else -1 for value in values)
    except ValueError:
        raise InputError(path, f"{region.where} rle has a value that is not a byte", "export it again") from None
    return MaskShape(0, 0, width, height, "brush", data)


def _point(path: Path, region: _LabelStudioRegion, pair: object) -> Point:
    values = as_list(path, f"{region.where} points", pair)
    if len(values) != 2:
        raise InputError(
            path, f"{region.where} has a point with {len(values)} numbers instead of 2", "export it again"
        )
    return _percent(path, region, values[0], 0), _percent(path, region, values[1], 1)


def _scaled(path: Path, region: _LabelStudioRegion, key: str, axis: int) -> float:
    return _percent(path, region, (region.geometry or {}).get(key), axis)


def _percent(path: Path, region: _LabelStudioRegion, value: object, axis: int) -> float:
    percent = parse_number(path, f"a coordinate of {region.where}", value)
    return round(percent * (region.size or (0, 0))[axis] / 100, DECIMALS)
