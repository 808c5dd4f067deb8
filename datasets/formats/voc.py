"""Pascal VOC XML: one file per image, boxes given by their first and last pixel.

Sources: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html (pixels count from 1, both ends
belong to the box); labelImg, Datumaro and CVAT write edges that count from 0 instead. Both end a box at
xmax, so they differ in the first pixel only. Datumaro and CVAT write every coordinate with a decimal point.
"""

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from datasets.formats.split_names import split_of_folder
from datasets.formats.tool_export import (
    Geometry,
    Loss,
    Point,
    PolygonShape,
    ToolExport,
    ToolImage,
    ToolShape,
    box_shape,
    check_not_negative,
    parse_number,
    parse_size,
    rotate,
    swapped_corners,
)
from datasets.formats.voc_splits import read_image_sets
from datasets.formats.xml_elements import XmlElement, read_xml
from system.errors import InputError
from system.exclude import NOTHING, Excluder
from system.files import check_unicode

ROOT_NAME = "annotation"
CORNERS = ("xmin", "ymin", "xmax", "ymax")
MASK_FOLDERS = frozenset({"SegmentationClass", "SegmentationObject", "SegmentationClassVisualization"})
FirstPixel = Literal[0, 1] | None


class _VocObject(msgspec.Struct, frozen=True):
    """One object as written: corners of its box, or a shape that needs no rule about the first pixel."""

    where: str
    label: str
    difficult: bool
    corners: tuple[float, float, float, float] | None
    decimals: bool
    angle: float
    shape: Geometry | None


class _VocFile(msgspec.Struct, frozen=True):
    relative: str
    stem: str
    filename: str
    size: tuple[int, int] | None
    objects: list[_VocObject]


def read_voc(
    source: Path,
    first_pixel: FirstPixel = None,
    *,
    difficult_ignored: bool = True,
    errors: list[InputError] | None = None,
    exclude: Excluder = NOTHING,
) -> ToolExport:
    """Read every XML file below `source` that is not excluded.

    Pixels count from `first_pixel`. None chooses: from 1 as VOC does, unless one box begins before 1, or every
    coordinate has a decimal point; then all count from 0. `ImageSets/Main` gives the splits, otherwise folders
    called train, val or test. With `difficult_ignored` objects marked difficult are ignore regions. Faults of a
    file are added to `errors`, if given. Raises InputError.
    """
    files = list(_read_files(source, errors, exclude))
    first = first_pixel if first_pixel is not None else _detect_first_pixel(files)
    splits = read_image_sets(source)
    images = [_image(file, first, splits, difficult_ignored=difficult_ignored) for file in files]
    _check_splits(source, images, splits)
    unread = {path.stem for path in source.rglob("SegmentationObject/*.png")}
    losses = [
        (file.relative, Loss("", "mask-unread", f"SegmentationObject/{posixpath.basename(file.stem)}.png"))
        for file in files
        if posixpath.basename(file.stem) in unread
    ]
    if first == 0 and first_pixel is None:
        losses.append((".", Loss("", "counts-from-zero", "a box begins before pixel 1, or all have decimals")))
    read = {"XML files": len(files), "objects": sum(len(file.objects) for file in files)}
    return ToolExport(source, images, read, losses, MASK_FOLDERS, splits)


def _read_files(source: Path, errors: list[InputError] | None, exclude: Excluder) -> Iterator[_VocFile]:
    for relative in _list_xml(source):
        if exclude.excludes(source, relative):
            continue
        try:
            yield _read_file(source, relative)
        except InputError as error:
            if errors is None:
                raise
            errors.append(error)


def _list_xml(source: Path) -> list[str]:
    if not source.is_dir():
        raise InputError(source, "no such folder", "name the folder that contains the XML files")
    xml_files: list[str] = []
    for folder, subfolders, names in os.walk(source):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        prefix = Path(folder).relative_to(source).as_posix()
        xml_files += [
            posixpath.normpath(f"{prefix}/{name}")
            for name in names
            if name.lower().endswith(".xml") and not name.startswith(".")
        ]
    check_unicode(source, xml_files)
    if not xml_files:
        raise InputError(source, "contains no XML file", "name the folder that contains the XML files")
    return sorted(xml_files)


def _read_file(source: Path, relative: str) -> _VocFile:
    path = source / relative
    root = read_xml(path)
    if root.name != ROOT_NAME:
        remedy = "convert it with cvat2coco" if root.name == "annotations" else "move it elsewhere"
        raise InputError(path, f"its root element is <{root.name}>, but Pascal VOC has <{ROOT_NAME}>", remedy)
    size = parse_size(path, "<size>", root.text_of("size", "width"), root.text_of("size", "height"))
    objects = [_read_object(path, number, element) for number, element in enumerate(root.all("object"), 1)]
    filename = root.text_of("filename") or root.text_of("path")
    return _VocFile(relative, posixpath.splitext(relative)[0], filename.replace("\\", "/"), size, objects)


def _read_object(path: Path, number: int, element: XmlElement) -> _VocObject:
    where = f"object {number}"
    label = element.text_of("name")
    if not label:
        raise InputError(path, f"{where} has no <name> (line {element.line})", "name the defect type")
    difficult = element.text_of("difficult").lower() in {"1", "true", "yes"}
    corners, angle, decimals = None, 0.0, False
    shape: Geometry | None = None
    if (polygon := element.first("polygon")) is not None and polygon.children:
        shape = _polygon(path, where, polygon)
    elif (rotated := element.first("robndbox")) is not None:
        shape = _rotated(path, where, rotated)
    elif (box := element.first("bndbox")) is not None:
        x0, y0, x1, y1 = (parse_number(path, f"<{name}> of {where}", box.text_of(name)) for name in CORNERS)
        corners, angle = (x0, y0, x1, y1), _rotation(path, where, element)
        decimals = all("." in box.text_of(name) for name in CORNERS)
    else:
        raise InputError(path, f"{where} has no <bndbox> (line {element.line})", "draw the box again")
    return _VocObject(where, label, difficult, corners, decimals, angle, shape)


def _polygon(path: Path, where: str, element: XmlElement) -> PolygonShape:
    """Roboflow's corners <x1>, <y1>, <x2>, ..."""
    points: list[Point] = []
    texts = {child.name: child.text for child in reversed(element.children)}  # of two with one name, the first
    while f"x{len(points) + 1}" in texts:
        names = (f"x{len(points) + 1}", f"y{len(points) + 1}")
        x, y = (parse_number(path, f"<{name}> of {where}", texts.get(name, "")) for name in names)
        points.append((x, y))
    return PolygonShape(points)


def _rotated(path: Path, where: str, element: XmlElement) -> Geometry:
    """roLabelImg's centre, size and angle in radians, clockwise."""
    names = ("cx", "cy", "w", "h", "angle")
    cx, cy, w, h, angle = (parse_number(path, f"<{name}> of {where}", element.text_of(name)) for name in names)
    check_not_negative(path, where, w, h)
    ring: list[Point] = [(cx - w / 2, cy - h / 2), (cx + w / 2, cy - h / 2)]
    ring += [(cx + w / 2, cy + h / 2), (cx - w / 2, cy + h / 2)]
    return PolygonShape(rotate(ring, angle * 57.29577951308232, (cx, cy)))


def _rotation(path: Path, where: str, element: XmlElement) -> float:
    """CVAT's attribute `rotation` in degrees, about the centre of the box."""
    attributes = element.first("attributes")
    for attribute in attributes.all("attribute") if attributes is not None else []:
        if attribute.text_of("name") == "rotation":
            return parse_number(path, f"the attribute rotation of {where}", attribute.text_of("value"))
    return 0.0


def _detect_first_pixel(files: list[_VocFile]) -> Literal[0, 1]:
    boxes = [item for file in files for item in file.objects if item.corners is not None]
    before_one = any(min(box.corners or (1,)) < 1 for box in boxes)
    return 0 if before_one or (boxes and all(box.decimals for box in boxes)) else 1


def _image(file: _VocFile, first: int, splits: dict[str, str], *, difficult_ignored: bool) -> ToolImage:
    shapes, losses = [], []
    for item in file.objects:
        shape = item.shape
        if item.corners is not None:
            x0, y0, x1, y1 = item.corners
            if x0 > x1 or y0 > y1:
                losses.append(swapped_corners(item.where, item.corners))
            low, high = (min(x0, x1) - first, min(y0, y1) - first), (max(x0, x1), max(y0, y1))
            shape = box_shape((*low, *high), item.angle)
        assert shape is not None
        ignore = item.difficult and difficult_ignored
        if ignore:
            losses.append(Loss(item.where, "difficult", item.label))
        shapes.append(ToolShape(item.where, item.label, shape, ignore=ignore))
    stem = posixpath.basename(file.stem)
    names = [stem]
    if file.filename:
        stated = posixpath.basename(file.filename)
        same = stem.casefold() in {stated.casefold(), posixpath.splitext(stated)[0].casefold()}
        names = [stated, stem] if same else [stem, stated]
        if not same:
            losses.append(Loss("filename", "image-moved", file.filename))
    return ToolImage(
        file=file.relative,
        where="",
        names=tuple(names),
        size=file.size,
        shapes=shapes,
        losses=losses,
        reviewed=True,
        split=splits.get(stem) if splits else split_of_folder(file.relative),
        beside=posixpath.dirname(file.relative),
    )


def _check_splits(source: Path, images: list[ToolImage], splits: dict[str, str]) -> None:
    missing = [image.file for image in images if image.split is None]
    if splits and len(missing) == len(images):
        problem = f"the lists in ImageSets contain none of the XML files, such as {missing[0]}"
        raise InputError(source, problem, "correct the lists or remove them")
