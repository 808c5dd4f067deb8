"""What `datasets check` reads of a labelme folder: JSON files, their pictures, pictures without one."""

import math
import os.path
from collections import Counter
from pathlib import Path, PureWindowsPath

from datasets.check.codes import Finding
from datasets.check.facts import Entry, Instance, Listing, ring_area
from datasets.coco import MAX_COORDINATE, SPLITS, Box, Rle, Segmentation
from datasets.formats.labelme import LabelmeFile, Point, Shape, is_labelme, read_labelme
from datasets.formats.labelme_mask import read_shape_mask
from datasets.formats.layouts.tree import GOOD
from datasets.images.image_file import is_image
from system.errors import InputError

CORNERS_OF_A_CIRCLE = 64
IGNORED = {"__ignore__", "_background_"}


class _Pictures:
    """The pictures below a folder, to be found by path, by path without ending and by name."""

    def __init__(self, root: Path) -> None:
        found = sorted(p for p in root.rglob("*") if is_image(p) and p.is_file() and not _hidden(root, p))
        self.paths = dict.fromkeys(found)
        self.by_stem: dict[Path, list[Path]] = {}
        self.by_name: dict[str, list[Path]] = {}
        for path in found:
            self.by_stem.setdefault(path.with_suffix(""), []).append(path)
            self.by_name.setdefault(path.name, []).append(path)


def list_labelme(root: Path) -> Listing | None:
    """Every labelme file with its picture and every picture without one, None where there is no labelme file."""
    files = sorted(path for path in root.rglob("*") if is_labelme(path) and path.is_file())
    files = [path for path in files if not _hidden(root, path)]
    if not files:
        return None
    pictures = _Pictures(root)
    findings: list[Finding] = []
    entries: list[Entry] = []
    labels: set[str] = set()
    described: Counter[Path] = Counter()
    for path in files:
        name = path.relative_to(root).as_posix()
        try:
            file = read_labelme(path)
        except InputError as error:
            findings.append(Finding(name, "", "unreadable-labels", error.problem))
            described.update(pictures.by_stem.get(path.with_suffix(""), []))
            continue
        picture = _find_picture(path, file, pictures)
        if picture is None and not file.image_data:
            findings.append(Finding(name, "$.imagePath", "missing-picture", str(file.image_path)))
        elif picture is not None:
            if described[picture]:
                findings.append(Finding(name, "$.imagePath", "ambiguous-pair", f"also for {picture.name}"))
            described[picture] += 1
        labels |= {shape.label for shape in file.shapes} - IGNORED
        entries.append(_entry(root, path, picture, file))
    alone = [path.relative_to(root).as_posix() for path in pictures.paths if path not in described]
    findings += [Finding(name, "", "unlabelled", "no JSON") for name in alone]
    return Listing(entries, sorted(labels), findings)


def read_labelme_entry(entry: Entry, width: int, height: int) -> tuple[list[Instance], list[Finding]]:
    """Shapes of one file whose picture has width x height pixels (0 where it cannot be read).

    Shapes of one label and one group are one annotation, as `convert labelme2coco` takes them.
    """
    declared, shapes = entry.details
    findings: list[Finding] = []
    if width and declared != (declared[0] and width, declared[1] and height):
        value = f"{width} x {height}, in the JSON {declared[0]} x {declared[1]}"
        findings.append(Finding(entry.name, "$.imageWidth", "size-mismatch", value))
    groups: dict[tuple[str, int | None, int], list[Instance]] = {}
    for i, shape in shapes:
        try:
            instance = _instance(entry.name, i, shape, (height, width))
        except InputError as error:
            findings.append(Finding(entry.name, f"$.shapes[{i}]", "unreadable-labels", error.problem))
            continue
        is_part = shape.group_id is not None and instance.segmentation is not None
        groups.setdefault((shape.label, shape.group_id, -1 if is_part else i), []).append(instance)
    return [_join(parts, (height, width)) for parts in groups.values()], findings


def _entry(root: Path, path: Path, picture: Path | None, file: LabelmeFile) -> Entry:
    name = path.relative_to(root)
    split = name.parts[0] if name.parts[0] in SPLITS else ""
    shapes = [(i, shape) for i, shape in enumerate(file.shapes) if shape.label not in IGNORED and shape.points]
    declared = (file.image_width or 0, file.image_height or 0)
    is_good = GOOD in (name.parent.name, picture.parent.name if picture else "")
    embedded = str(path) if picture is None and file.image_data else None
    picture_path = str(picture) if picture else None
    return Entry(name.as_posix(), picture_path, split, is_good, (declared, shapes), embedded)


def _find_picture(path: Path, file: LabelmeFile, pictures: _Pictures) -> Path | None:
    """The picture where the JSON says, of the same name beside it, or the only one of the name it says."""
    said = PureWindowsPath(file.image_path or "")
    for wanted in (Path(os.path.normpath(path.parent / said.as_posix())), path.parent / said.name):
        if wanted in pictures.paths:
            return wanted
    beside, named = pictures.by_stem.get(path.with_suffix(""), []), pictures.by_name.get(said.name, [])
    return beside[0] if beside else named[0] if len(named) == 1 else None


def _join(parts: list[Instance], size: tuple[int, int]) -> Instance:
    """One annotation of several parts in a picture of `size` (height, width)."""
    if len(parts) == 1:
        return parts[0]
    x0, y0 = (min(part.box[i] for part in parts) for i in (0, 1))
    x1, y1 = (max(part.box[i] + part.box[i + 2] for part in parts) for i in (0, 1))
    where = f"{parts[0].where} and its group"
    box: Box = (x0, y0, x1 - x0, y1 - y0)
    area = sum(part.area for part in parts)
    return Instance(where, parts[0].category, box, area, _join_segmentations(parts, box, size))


def _join_segmentations(parts: list[Instance], box: Box, size: tuple[int, int]) -> Segmentation | None:
    polygons = [ring for part in parts if isinstance(part.segmentation, list) for ring in part.segmentation]
    masks = [part.segmentation for part in parts if isinstance(part.segmentation, Rle)]
    if not masks:
        return polygons
    if max(map(abs, box)) > MAX_COORDINATE:
        return None
    from datasets.masks.rle import merge_rles, to_rle

    drawn = to_rle(polygons, *size)
    return merge_rles([rle for rle in (*masks, drawn) if rle is not None])


def _instance(name: str, index: int, shape: Shape, size: tuple[int, int]) -> Instance:
    """A shape in a picture of `size` (height, width), 0 where that is not known. Raises InputError."""
    where = f"$.shapes[{index}]"
    if shape.kind == "mask" and min(size) > 0:
        return _mask_instance(name, index, shape, size)
    ring = _ring(shape)
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    box: Box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    area = ring_area(ring) if shape.kind not in {"points", "linestrip"} else 0
    polygons = [[v for point in ring for v in point]] if area else None
    return Instance(where, shape.label, box, area, polygons)


def _mask_instance(name: str, index: int, shape: Shape, size: tuple[int, int]) -> Instance:
    from datasets.masks.component import mask_to_component
    from datasets.masks.edge_components import crop_edges
    from datasets.masks.edges import edges_to_rle

    where = f"$.shapes[{index}]"
    x, y, pixels = read_shape_mask(name, index, shape, *size)
    if not pixels.any():
        return Instance(where, shape.label, (x, y, pixels.shape[1], pixels.shape[0]), 0)
    whole = mask_to_component(pixels)
    left, top, w, h = whole.box
    segmentation = edges_to_rle(crop_edges(pixels, x, y, *size), *size)
    return Instance(where, shape.label, (x + left, y + top, w, h), whole.area, segmentation)


def _ring(shape: Shape) -> list[Point]:
    if shape.kind == "rectangle" and len(shape.points) == 2:
        (x0, y0), (x1, y1) = shape.points
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    if shape.kind == "circle" and len(shape.points) == 2:
        (cx, cy), (px, py) = shape.points
        radius = math.hypot(px - cx, py - cy)
        angles = (2 * math.pi * i / CORNERS_OF_A_CIRCLE for i in range(CORNERS_OF_A_CIRCLE))
        return [(cx + radius * math.cos(a), cy + radius * math.sin(a)) for a in angles]
    return shape.points


def _hidden(root: Path, path: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
