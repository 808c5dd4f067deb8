"""A YOLO dataset folder to a COCO dataset folder: boxes, or segments as instance masks."""

import hashlib
from collections import Counter
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec

from convert.assemble import assemble
from convert.conversion import Conversion, Converted, Instance, encode_instance, recorded_options
from convert.execution import Execution
from convert.report import Event, Report
from convert.upright import upright
from convert.yolo_instances import label_instance, leads_outside
from datasets.coco import Category
from datasets.formats.dataset_folder import mask_path
from datasets.formats.yolo import Label, YoloDataset, YoloImage, format_label, read_labels, read_yolo
from datasets.images.image_file import ImageInfo, read_info
from datasets.masks.component import Component
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import write_pixel_mask
from system.errors import InputError
from system.files import check_apart, link_or_copy

POOL_PAYS_FROM = 256  # images


class YoloOptions(msgspec.Struct, frozen=True):
    """How to convert; a picture without a label file is left out, or a negative."""

    segmentation: Literal["rle", "polygon", "auto"] = "rle"
    unlabelled: Literal["leave-out", "negative"] = "leave-out"


class _Source(msgspec.Struct, frozen=True):
    """One picture with the labels of its file; `has_file` is whether there is one."""

    image: YoloImage
    file_name: str
    labels: list[Label]
    has_file: bool


def yolo2coco(
    source: Path, dest: Path, options: YoloOptions = YoloOptions(), execution: Execution = Execution()
) -> Report:
    """Convert the YOLO folder (or YAML file) `source` into the COCO dataset folder `dest`.

    Splits stay as they are. Raises InputError for what cannot be read, such as boxes mixed with segments, and with
    `execution.strict` for the first loss; OutputError for `dest`.
    """
    dataset = read_yolo(source)
    check_apart(dest, [dataset.root, *chain.from_iterable(dataset.folders.values())])
    sources = [_read_source(image, name, dataset) for image, name in _named(dataset)]
    has_masks = _are_segments(sources)
    conversion = Conversion(
        tool="yolo2coco",
        origins=[dataset.root.resolve().name],
        options=recorded_options(options),
        categories=[Category(i, name) for i, name in enumerate(dataset.names, 1)],
        sources=sources,
        convert_image=partial(_convert_image, options=options, has_masks=has_masks),
        assign_splits=lambda strata: strata,
        read={
            "images": len(sources),
            "label files": sum(s.has_file for s in sources),
            "labels": sum(len(s.labels) for s in sources),
            "classes": len(dataset.names),
        },
        events=_lonely_label_files(dataset) + _stand_ins(dataset),
        pool_pays=has_masks and len(sources) >= POOL_PAYS_FROM,
    )
    return assemble(dest, conversion, execution)


def _named(dataset: YoloDataset) -> list[tuple[YoloImage, str]]:
    """Names inside the split's folder; where two splits share one, every name begins with that of its split."""
    times = Counter(image.relative for image in dataset.images)
    clash = any(number > 1 for number in times.values())
    named = [(image, f"{image.split}/{image.relative}" if clash else image.relative) for image in dataset.images]
    return sorted(named, key=lambda pair: pair[1])


def _read_source(image: YoloImage, name: str, dataset: YoloDataset) -> _Source:
    has_file = image.labels.is_file()
    return _Source(image, name, read_labels(image.labels, len(dataset.names)) if has_file else [], has_file)


def _are_segments(sources: list[_Source]) -> bool:
    first: dict[bool, Path] = {}
    for source in sources:
        for label in source.labels:
            first.setdefault(label.is_box, source.image.labels)
    if len(first) == 2:
        problem = f"has segments, while {first[True]} has boxes"
        raise InputError(first[False], problem, "keep to one kind, as Ultralytics does")
    return False in first


def _lonely_label_files(dataset: YoloDataset) -> list[Event]:
    wanted = {image.labels.resolve() for image in dataset.images}
    folders = {labels.parent for labels in wanted}
    found = (path for folder in sorted(folders) if folder.is_dir() for path in sorted(folder.glob("*.txt")))
    root = dataset.root.resolve()
    names = (
        path.relative_to(root) if path.is_relative_to(root) else path.name for path in found if path not in wanted
    )
    return [Event(str(name), "", "label-without-picture", "") for name in names]


def _stand_ins(dataset: YoloDataset) -> list[Event]:
    return [
        Event("data.yaml", "", "empty-split", f"{split} names the pictures of {other}")
        for split, other in dataset.stand_ins.items()
    ]


def _convert_image(source: _Source, dest: Path | None, options: YoloOptions, *, has_masks: bool) -> Converted:
    path = source.image.path
    info = read_info(path)
    # labels are of the upright picture, which is what Ultralytics trains on
    height, width = (info.width, info.height) if info.orientation >= 5 else (info.height, info.width)
    digest = hashlib.sha256(path.read_bytes())
    if source.has_file:
        digest.update(source.image.labels.read_bytes())
    instances, parts, events = _instances(source, height, width, options)
    kept = bool(instances) or (not source.labels and (source.has_file or options.unlabelled == "negative"))
    if source.labels and not kept:
        events.append(Event(source.file_name, "", "image-left-out", f"{len(source.labels)} labels"))
    elif not kept:
        events.append(Event(source.file_name, "", "unlabelled", "no label file"))
    else:
        events += _place_picture(source, info, dest)
    if kept and has_masks and dest is not None:
        indices, _ = paint(height, width, parts)
        write_pixel_mask(mask_path(dest, source.file_name), indices if parts else None, height, width)
    return Converted(
        source.file_name,
        width,
        height,
        digest.hexdigest(),
        source.image.split,
        [instance.category_id for instance in instances],
        [encode_instance(instance) for instance in instances],
        events,
        kept,
    )


def _place_picture(source: _Source, info: ImageInfo, dest: Path | None) -> list[Event]:
    path = source.image.path
    if info.orientation == 1:
        if dest is not None:
            link_or_copy(path, dest / "images" / source.file_name)
        return []
    picture, how = upright(path, path.read_bytes(), turn=True)
    if dest is not None:
        (dest / "images" / source.file_name).write_bytes(picture)
    return [Event(source.file_name, "", "exif-upright", f"orientation {info.orientation}, {how}")]


def _instances(
    source: _Source, height: int, width: int, options: YoloOptions
) -> tuple[list[Instance], list[tuple[int, Component]], list[Event]]:
    instances: list[Instance] = []
    parts: list[tuple[int, Component]] = []
    events: list[Event] = []
    longest = max((len(label.values) // 2 for label in source.labels), default=0)
    for number, label in enumerate(source.labels, 1):
        where, value = f"label {number}", format_label(label)[:60]
        if leads_outside(label):
            events.append(Event(source.file_name, where, "clipped", value))
        instance, component = label_instance(label, height, width, options.segmentation, longest)
        if instance is None:
            events.append(Event(source.file_name, where, "no-area", value))
            continue
        instances.append(instance)
        if component is not None:
            parts.append((instance.category_id, component))
    return instances, parts, events
