"""Read CVAT for images 1.1: one XML file for all images of a task or project.

Source: https://docs.cvat.ai/docs/manual/advanced/xml_format/. Coordinates are continuous; boxes and ellipses are
rotated clockwise about their centre by `rotation` degrees; a mask consists of run lengths, row by row inside its
box, starting with background.
"""

from pathlib import Path

from datasets.formats.split_names import exact_split_name
from datasets.formats.tool_export import (
    EllipseShape,
    Geometry,
    LineShape,
    Loss,
    MaskShape,
    Point,
    PolygonShape,
    ToolExport,
    ToolImage,
    ToolShape,
    box_shape,
    check_not_negative,
    parse_number,
    parse_size,
    swapped_corners,
)
from datasets.formats.xml_elements import XmlElement, stream_xml
from system.errors import InputError, collected

FILE_NAME = "annotations.xml"
ROOT_NAME = "annotations"
SHAPES = frozenset({"box", "polygon", "polyline", "points", "mask", "ellipse"})
LOST = frozenset({"cuboid", "skeleton"})


def read_cvat(source: Path, *, errors: list[InputError] | None = None) -> ToolExport:
    """Read the file `source`, or the XML files of the folder.

    Faults of a file or an image are added to `errors`, if given. Raises InputError.

    Shapes of one `group_id` and label are one annotation, as in CVAT's own COCO export. An image without a shape
    does not count as reviewed: CVAT lists every image of a task, whether somebody has opened it or not. The subset
    of an image, or else the name of its file, gives its split.
    """
    files = _list_files(source)
    root = source if source.is_dir() else source.parent
    images: list[ToolImage] = []
    for file in files:
        with collected(errors if len(files) > 1 else None):  # the error of an only file is raised
            _read_file(file, file.relative_to(root).as_posix(), images, errors)
    if not images and not errors:
        raise InputError(files[0], "contains no <image> element", "export the task again as CVAT for images 1.1")
    read = {
        "XML files": len(files),
        "images": len(images),
        "shapes": sum(len(image.shapes) + sum(map(_is_object, image.losses)) for image in images),
    }
    return ToolExport(root, images, read)


def _list_files(source: Path) -> list[Path]:
    if not source.is_dir():
        if source.suffix.lower() == ".zip":
            raise InputError(source, "this is a ZIP file", "unpack it and name the folder")
        return [source]
    files = sorted(path for path in source.rglob("*.xml") if not path.name.startswith("."))
    if not files:
        raise InputError(source, "contains no XML file", f"name CVAT's {FILE_NAME} or the folder that contains it")
    return files


def _read_file(path: Path, relative: str, images: list[ToolImage], errors: list[InputError] | None) -> None:
    root_name = ""
    for root, child in stream_xml(path):
        root_name = root.name
        if root_name != ROOT_NAME:
            break
        if child.name == "track":
            raise InputError(
                path,
                f"this is CVAT for video (<track> in line {child.line})",
                "export the task as 'CVAT for images 1.1', which has the shapes of every frame",
            )
        if child.name == "image":
            with collected(errors):
                images.append(_read_image(path, relative, child))
    if root_name != ROOT_NAME:
        remedy = "convert it with voc2coco" if root_name == "annotation" else "move it elsewhere"
        raise InputError(path, f"its root element is <{root_name}>, but CVAT writes <{ROOT_NAME}>", remedy)


def _read_image(path: Path, relative: str, element: XmlElement) -> ToolImage:
    name = element.attributes.get("name", "")
    if not name:
        raise InputError(path, f"an <image> has no name (line {element.line})", "export the task again")
    where = f"image {name}"
    size = parse_size(path, where, element.attributes.get("width"), element.attributes.get("height"))
    shapes: list[ToolShape] = []
    losses: list[Loss] = []
    for number, child in enumerate(element.children, 1):
        place = f"{where}, {child.name} {number}"
        if child.name in SHAPES:
            shapes.append(_read_shape(path, place, child))
            losses += _swapped(path, place, child)
        elif child.name in LOST:
            losses.append(Loss(place, "shape-lost", f"{child.name} {child.attributes.get('label', '')}"))
        elif child.name == "tag":
            losses.append(Loss(place, "tag-lost", child.attributes.get("label", "")))
    subset = element.attributes.get("subset", "")
    names = tuple(dict.fromkeys([f"{subset}/{name}" if subset else name, name]))
    return ToolImage(
        relative,
        where,
        names,
        size,
        shapes,
        losses,
        reviewed=bool(shapes),
        split=exact_split_name(subset or path.stem),
    )


def _is_object(loss: Loss) -> bool:
    """Whether a loss is an object of its own, not a note about a shape."""
    return loss.code != "swapped-corners"


def _read_shape(path: Path, where: str, element: XmlElement) -> ToolShape:
    label = element.attributes.get("label", "")
    if not label:
        raise InputError(path, f"{where} has no label (line {element.line})", "give it one and export again")
    group = _integer(path, where, element, "group_id") if element.attributes.get("group_id") else 0
    return ToolShape(where, label, _geometry(path, where, element), group or None)


def _geometry(path: Path, where: str, element: XmlElement) -> Geometry:
    if element.name == "box":
        x0, y0, x1, y1 = _numbers(path, where, element, "xtl", "ytl", "xbr", "ybr")
        return box_shape((x0, y0, x1, y1), _angle(path, where, element))
    if element.name == "ellipse":
        cx, cy, rx, ry = _numbers(path, where, element, "cx", "cy", "rx", "ry")
        check_not_negative(path, where, rx, ry)
        return EllipseShape(cx, cy, rx, ry, _angle(path, where, element))
    if element.name == "mask":
        left, top, width, height = (
            _integer(path, where, element, name) for name in ("left", "top", "width", "height")
        )
        return MaskShape(left, top, width, height, "rows", element.attributes.get("rle", ""))
    points = _points(path, where, element.attributes.get("points", ""))
    if element.name == "polygon":
        return PolygonShape(points)
    return LineShape(points, joined=element.name == "polyline")


def _swapped(path: Path, where: str, element: XmlElement) -> list[Loss]:
    """A note for a box whose last corner is before its first one."""
    if element.name != "box":
        return []
    x0, y0, x1, y1 = _numbers(path, where, element, "xtl", "ytl", "xbr", "ybr")
    return [swapped_corners(where, (x0, y0, x1, y1))] if x0 > x1 or y0 > y1 else []


def _angle(path: Path, where: str, element: XmlElement) -> float:
    return parse_number(path, f"rotation of {where}", element.attributes.get("rotation", "0"))


def _numbers(path: Path, where: str, element: XmlElement, *names: str) -> list[float]:
    return [parse_number(path, f"{name} of {where}", element.attributes.get(name)) for name in names]


def _integer(path: Path, where: str, element: XmlElement, name: str) -> int:
    value = parse_number(path, f"{name} of {where}", element.attributes.get(name))
    if value != int(value):
        raise InputError(path, f"{name} of {where} is {value:g}, not a whole number", "export the task again")
    return int(value)


def _points(path: Path, where: str, text: str) -> list[Point]:
    points: list[Point] = []
    for pair in text.split(";") if text else []:
        x, comma, y = pair.partition(",")
        if not comma:
            raise InputError(path, f"points of {where} contain {pair[:40]!r} instead of x,y", "export it again")
        points.append((parse_number(path, f"points of {where}", x), parse_number(path, f"points of {where}", y)))
    return points
