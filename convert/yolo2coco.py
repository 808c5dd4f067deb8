"""Convert a YOLO dataset folder to a COCO dataset folder: boxes, or segments as instance masks."""

import hashlib
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec

from convert.assemble import assemble
from convert.conversion import Conversion, Converted, Instance, encode_instance, recorded_options
from convert.exclusion import exclusion_events
from convert.execution import Execution
from convert.faults import planning_faults, reported_with
from convert.report import Event, Report
from convert.yolo_instances import label_instance, leads_outside
from convert.yolo_source import (
    YoloSource,
    description_events,
    kinds_of,
    label_files_alone,
    mixed_events,
    read_source,
    suspicions,
)
from datasets.coco import Category, SegmentationForm
from datasets.formats.box_form import BoxForm
from datasets.formats.dataset_folder import mask_path
from datasets.formats.yolo import dataset_names, read_yolo
from datasets.formats.yolo_lines import format_label
from datasets.images.image_file import ImageInfo, read_image_bytes, read_info
from datasets.images.upright import upright
from datasets.masks.component import Component
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import write_pixel_mask
from system.errors import InputError
from system.exclude import Excluder
from system.files import check_apart, link_or_copy
from system.links import check_inside

POOL_PAYS_FROM = 256  # images


class YoloOptions(msgspec.Struct, frozen=True):
    """How to convert: an image without a label file is left out, or a negative.

    Where some labels are boxes and others segments, `mixed` refuses the dataset or keeps both. A line of four
    points may be an oriented box: `oriented` makes it a polygon, which has the same pixels, or the box around it.
    `boxes` is the form of the boxes: None is that of YOLO, and boxes that obviously have another one are refused.
    """

    segmentation: SegmentationForm = "rle"
    unlabelled: Literal["leave-out", "negative"] = "leave-out"
    mixed: Literal["refuse", "keep"] = "refuse"
    oriented: Literal["polygon", "box"] = "polygon"
    boxes: BoxForm | None = None


def yolo2coco(
    source: Path, dest: Path, options: YoloOptions = YoloOptions(), execution: Execution = Execution()
) -> Report:
    """Convert the YOLO folder `source`, or the one that the file `source` describes, into the COCO folder `dest`.

    Splits are kept. Where boxes and segments are mixed, there are no pixel masks: they would show the boxes as
    background. Raises InputError for what cannot be read, and with `execution.strict` for the first loss;
    OutputError for `dest`.
    """
    exclude = Excluder(execution.exclude)
    dataset = read_yolo(source, exclude=exclude)
    alone = label_files_alone(dataset, exclude)
    excluded = exclusion_events(exclude, dataset.images)
    check_apart(dest, [dataset.root, *chain.from_iterable(dataset.folders.values())])
    for image in dataset.images:
        check_inside(image.path, [dataset.root, *chain.from_iterable(dataset.folders.values())])
    errors: list[InputError] = []
    named = sorted(zip(dataset.images, dataset_names(dataset.images), strict=True), key=lambda pair: pair[1])
    boxes_around = options.oriented == "box"
    read = [
        read_source(image, name, dataset, errors, boxes=options.boxes, boxes_around=boxes_around)
        for image, name in named
    ]
    sources = [source for source in read if source is not None]
    with reported_with(errors, skip=execution.skip_bad):
        suspected = suspicions(dataset, sources, is_form_stated=options.boxes is not None)
        kinds = kinds_of(sources, keep_mixed=options.mixed == "keep")
    has_masks = kinds == {"segments"}
    conversion = Conversion(
        tool="yolo2coco",
        origins=[dataset.root.resolve().name],
        options={k: v for k, v in recorded_options(options).items() if k != "boxes" or v is not None},
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
        events=[*excluded, *alone, *description_events(dataset), *suspected, *mixed_events(sources, kinds)],
        masks=has_masks or kinds != {"boxes", "segments"},
        pool_pays="segments" in kinds and len(sources) >= POOL_PAYS_FROM,
        faults=planning_faults(dataset.root, errors),
    )
    return assemble(dest, conversion, execution)


def _convert_image(source: YoloSource, dest: Path | None, options: YoloOptions, *, has_masks: bool) -> Converted:
    path = source.image.path
    info = read_info(path)
    # labels are of the upright image, which is what Ultralytics trains on
    height, width = (info.width, info.height) if info.orientation >= 5 else (info.height, info.width)
    digest = hashlib.sha256(read_image_bytes(path))
    if source.has_file:
        digest.update(source.image.labels.read_bytes())
    instances, parts, events = _instances(source, height, width, options)
    kept = bool(instances) or (not source.labels and (source.has_file or options.unlabelled == "negative"))
    if source.labels and not kept:
        events.append(Event(source.file_name, "", "image-left-out", f"{len(source.labels)} labels"))
    elif not kept:
        events.append(Event(source.file_name, "", "unlabelled", "no label file"))
    else:
        events += _write_image(source, info, dest)
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


def _write_image(source: YoloSource, info: ImageInfo, dest: Path | None) -> list[Event]:
    path = source.image.path
    if info.orientation == 1:
        if dest is not None:
            link_or_copy(path, dest / "images" / source.file_name)
        return []
    data, method = upright(path, read_image_bytes(path), turn=True)
    if dest is not None:
        (dest / "images" / source.file_name).write_bytes(data)
    return [Event(source.file_name, "", "exif-upright", f"orientation {info.orientation}, {method}")]


def _instances(
    source: YoloSource, height: int, width: int, options: YoloOptions
) -> tuple[list[Instance], list[tuple[int, Component]], list[Event]]:
    instances: list[Instance] = []
    parts: list[tuple[int, Component]] = []
    events: list[Event] = []
    if source.image.event_code:
        events.append(Event(source.file_name, "", source.image.event_code, source.image.labels.name))
    longest = max((len(label.values) // 2 for label in source.labels), default=0)
    for number, label in enumerate(source.labels, 1):
        where, value = f"label {number}", format_label(label)[:60]
        if label.lost:
            events.append(Event(source.file_name, where, label.lost, value))
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
