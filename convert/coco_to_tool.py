"""Write COCO for annotation tools: CVAT, Label Studio, Roboflow and X-AnyLabeling."""

import posixpath
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec

from convert.coco_instances import Crowd, image_instances
from convert.coco_rings import segmentation_rings
from convert.coco_source import CocoImage
from convert.conversion import Instance
from convert.distinct_names import with_distinct_names
from convert.execution import Execution
from convert.faults import Fault, Faults, Guarded
from convert.report import Event, Report, check_strict, make_report
from datasets.coco import SPLITS, Category
from datasets.formats.listed_image import check_listed_size, check_upright
from datasets.images.image_file import read_info
from system.errors import InputError
from system.files import check_destination, link_or_copy, new_folder, write_atomic

Tool = Literal["cvat", "labelstudio", "roboflow", "xanylabeling"]
MARKER = ".defectline"
ROBOFLOW_SPLITS = {"train": "train", "val": "valid", "test": "test"}
ROBOFLOW_ROOT = Category(0, "defects", "none")
XANYLABELING_VERSION = "2.5.2"


class _Drawn(msgspec.Struct, frozen=True):
    """One image with its instances, its name in the destination and its split."""

    source: CocoImage
    name: str
    split: str
    instances: list[Instance]


def write_for_tool(
    dest: Path,
    tool: Tool,
    images: Sequence[CocoImage],
    categories: Sequence[Category],
    split_of: dict[str, str],
    events: list[Event],
    known: Sequence[Fault],
    crowd: Crowd,
    execution: Execution,
) -> Report:
    """Write `images` in the layout that `tool` imports; a dry run writes nothing.

    Only CVAT reads run lengths and crowd annotations. For the other tools masks become polygons, and ignore
    regions are lost. Raises InputError for the faults `known` and for images with a wrong size, an EXIF
    orientation or ambiguous names, all together unless bad images are skipped, and if two names collide;
    OutputError if `dest` exists or cannot be written.
    """
    check_destination(dest, overwrite=execution.overwrite, marker=MARKER)
    faults = Faults(limit=execution.max_errors, skip=execution.skip_bad)
    faults.add_all(known)
    read = {"images": len(images), "annotations": sum(len(image.annotations) for image in images)}
    if tool == "xanylabeling":
        images = with_distinct_names(images, faults)
    drawn = []
    all_events = list(events)
    if tool == "labelstudio" and len(set(split_of.values())) > 1:
        all_events.append(Event("result.json", "", "splits-joined", ", ".join(sorted(set(split_of.values())))))
    work = Guarded(partial(_draw, tool=tool, crowd=crowd), attrgetter("file_name"))
    for image, instances, changes in faults.sift(map(work, execution.progress(images, "convert", len(images)))):
        all_events += changes
        if image.annotations and not instances:
            all_events.append(
                Event(image.file_name, "", "image-left-out", f"{len(image.annotations)} annotations")
            )
            continue
        split = split_of[image.file_name]
        drawn.append(_Drawn(image, _name(tool, split, image.file_name), split, instances))
    faults.check()
    _check_names(drawn)
    written = {
        "images": len(drawn),
        "negatives": sum(not one.instances for one in drawn),
        "annotations": sum(len(one.instances) for one in drawn),
    }
    report = make_report(read, written, [*all_events, *faults.events()])
    if execution.strict:
        check_strict(report)
    if not execution.dry_run:
        with new_folder(dest, overwrite=execution.overwrite, marker=MARKER) as root:
            for one in drawn:
                target = root / one.name
                target.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(one.source.file(), target)
            for name, content in _documents(tool, drawn, categories):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                write_atomic(root / name, msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n")
            write_atomic(root / MARKER, b"written by convert coco2coco\n")
    return report


def _draw(image: CocoImage, tool: Tool, crowd: Crowd) -> tuple[CocoImage, list[Instance], list[Event]]:
    """The image with its instances as the tool takes them, and events. Raises InputError."""
    info = read_info(image.file())
    check_upright(image.file(), info.orientation)
    check_listed_size(image.file(), (info.width, info.height), (image.image.width, image.image.height))
    made = image_instances(image.image, image.annotations, crowd, as_rle=False)
    if tool == "cvat":
        return image, made.instances, made.events
    events = list(made.events)
    instances = []
    for number, instance in enumerate(made.instances, 1):
        where = f"instance {number}"
        if instance.iscrowd:
            events.append(Event(image.file_name, where, "crowd", str(list(instance.bbox))))
            continue
        rings, codes = segmentation_rings(instance.segmentation, image.image.height, image.image.width)
        events += [Event(image.file_name, where, code, value) for code, value in codes]
        instances.append(msgspec.structs.replace(instance, segmentation=rings))
    return image, instances, events


def _name(tool: Tool, split: str, file_name: str) -> str:
    if tool == "roboflow":
        return f"{ROBOFLOW_SPLITS[split]}/{file_name.replace('/', '_')}"
    if tool == "labelstudio":
        return f"images/{file_name}"
    return f"images/{split}/{file_name}" if tool == "cvat" else f"{split}/{file_name}"


def _check_names(drawn: Sequence[_Drawn]) -> None:
    first: dict[str, str] = {}
    for one in drawn:
        other = first.setdefault(one.name, one.source.file_name)
        if other != one.source.file_name:
            problem = f"would be named {one.name}, the same as {other}"
            raise InputError(one.source.file_name, problem, "rename one of the images")


def _documents(
    tool: Tool, drawn: Sequence[_Drawn], categories: Sequence[Category]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and content of each JSON file."""
    if tool == "xanylabeling":
        names = {category.id: category.name for category in categories}
        yield from ((posixpath.splitext(one.name)[0] + ".json", _xanylabeling(one, names)) for one in drawn)
    elif tool == "labelstudio":
        yield "result.json", _coco(drawn, [_numbered(c, c.id - 1) for c in categories], lambda one: one.name, -1)
    else:
        for split in SPLITS:
            members = [one for one in drawn if one.split == split]
            if not members:
                continue
            if tool == "cvat":
                file, folder = f"annotations/instances_{split}.json", f"images/{split}/"
                listed = list(categories)
            else:
                file, folder = f"{ROBOFLOW_SPLITS[split]}/_annotations.coco.json", f"{ROBOFLOW_SPLITS[split]}/"
                listed = [ROBOFLOW_ROOT, *(Category(c.id, c.name, ROBOFLOW_ROOT.name) for c in categories)]
            yield file, _coco(members, listed, partial(_without, folder=folder), 0)


def _without(one: _Drawn, folder: str) -> str:
    return one.name.removeprefix(folder)


def _numbered(category: Category, number: int) -> Category:
    return msgspec.structs.replace(category, id=number)


def _coco(
    drawn: Sequence[_Drawn], categories: list[Category], name: Callable[[_Drawn], str], shift: int
) -> dict[str, Any]:
    """A COCO file; category ids of the instances are shifted by `shift`."""
    sizes = [one.source.image for one in drawn]
    images = [
        {"id": i, "file_name": name(one), "width": size.width, "height": size.height}
        for i, (one, size) in enumerate(zip(drawn, sizes, strict=True), 1)
    ]
    owned = chain.from_iterable(((i, instance) for instance in one.instances) for i, one in enumerate(drawn, 1))
    annotations = [
        {"id": number, "image_id": image_id, **msgspec.to_builtins(instance)}
        | {"category_id": instance.category_id + shift}
        for number, (image_id, instance) in enumerate(owned, 1)
    ]
    listed = [msgspec.to_builtins(category) for category in categories]
    return {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": listed}


def _xanylabeling(one: _Drawn, names: dict[int, str]) -> dict[str, Any]:
    """An X-AnyLabeling file: labelme's format, with rectangles of four corners and a score."""
    shapes: list[dict[str, Any]] = []
    for group, instance in enumerate(one.instances, 1):
        rings = instance.segmentation if isinstance(instance.segmentation, list) else []
        x, y, w, h = instance.bbox
        corners = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
        drawn = [[list(point) for point in zip(r[::2], r[1::2], strict=True)] for r in rings] or [corners]
        shapes += [
            {
                "label": names[instance.category_id],
                "score": None,
                "points": points,
                "group_id": group if len(drawn) > 1 else None,
                "description": "",
                "difficult": False,
                "shape_type": "polygon" if rings else "rectangle",
                "flags": {},
                "attributes": {},
                "kie_linking": [],
            }
            for points in drawn
        ]
    image = one.source.image
    return {
        "version": XANYLABELING_VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": posixpath.basename(one.name),
        "imageData": None,
        "imageHeight": image.height,
        "imageWidth": image.width,
    }
