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
from convert.yolo_instances import box_around, label_instance, leads_outside
from datasets.coco import Category, SegmentationForm
from datasets.formats.box_form import BoxForm
from datasets.formats.dataset_folder import mask_path
from datasets.formats.yolo import YoloDataset, YoloImage, dataset_names, path_below, read_yolo
from datasets.formats.yolo_lines import YOLO_FORM, Label, check_boxes, find_mixed, format_label, read_labels
from datasets.images.image_file import ImageInfo, read_info
from datasets.images.upright import upright
from datasets.masks.component import Component
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import write_pixel_mask
from system.errors import InputError, collected, raise_together
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


class _Source(msgspec.Struct, frozen=True):
    """One image with the labels of its file; `has_file` is whether there is one."""

    image: YoloImage
    file_name: str
    labels: list[Label]
    has_file: bool


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
    alone = _label_files_alone(dataset, exclude)
    excluded = exclusion_events(exclude, dataset.images)
    check_apart(dest, [dataset.root, *chain.from_iterable(dataset.folders.values())])
    for image in dataset.images:
        check_inside(image.path, [dataset.root, *chain.from_iterable(dataset.folders.values())])
    errors: list[InputError] = []
    named = sorted(zip(dataset.images, dataset_names(dataset.images), strict=True), key=lambda pair: pair[1])
    read = [_read_source(image, name, dataset, options, errors) for image, name in named]
    sources = [source for source in read if source is not None]
    with reported_with(errors, skip=execution.skip_bad):
        suspicion = (
            ""
            if options.boxes
            else check_boxes(dataset.description, chain.from_iterable(s.labels for s in sources))
        )
        kinds = _kinds(sources, options)
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
        events=[*excluded, *alone, *_notes(dataset, suspicion), *_mixed(sources, kinds)],
        masks=has_masks or kinds != {"boxes", "segments"},
        pool_pays="segments" in kinds and len(sources) >= POOL_PAYS_FROM,
        faults=planning_faults(dataset.root, errors),
    )
    return assemble(dest, conversion, execution)


def _read_source(
    image: YoloImage, name: str, dataset: YoloDataset, options: YoloOptions, errors: list[InputError]
) -> _Source | None:
    """The image with its labels, None if they are added to `errors`."""
    known = len(errors)
    if not image.labels.is_file():
        return _Source(image, name, [], False)
    labels: list[Label] = []
    with collected(errors):
        form = options.boxes or YOLO_FORM
        labels = read_labels(image.labels, len(dataset.names), dataset.keypoint_columns, boxes=form, errors=errors)
    if len(errors) > known:
        return None
    if options.oriented == "box":
        labels = [box_around(label) if len(label.values) == 8 else label for label in labels]
    return _Source(image, name, labels, True)


def _kinds(sources: list[_Source], options: YoloOptions) -> set[str]:
    """Which of boxes and segments there are. Raises InputError for both unless they are to be kept."""
    kinds = {source.file_name: {label.is_box for label in source.labels} for source in sources}
    if options.mixed == "refuse":
        files = {source.file_name: source.image.labels for source in sources}
        remedy = "Ultralytics uses one kind only; --mixed keep keeps both"
        raise_together([InputError(files[name], problem, remedy) for name, problem in find_mixed(kinds).items()])
    return {"boxes" if is_box else "segments" for kind in kinds.values() for is_box in kind}


def _label_files_alone(dataset: YoloDataset, exclude: Excluder) -> list[Event]:
    """Label files without an image."""
    wanted = {image.labels.resolve() for image in dataset.images} | {path.resolve() for path in dataset.files}
    folders = {image.labels.resolve().parent for image in dataset.images}
    label_files = (path for folder in sorted(folders) if folder.is_dir() for path in sorted(folder.glob("*.txt")))
    root = dataset.root.resolve()
    alone = [path for path in label_files if path not in wanted]
    names = [path.relative_to(root) if path.is_relative_to(root) else path.name for path in alone]
    return [
        Event(str(name), "", "label-without-picture", "")
        for name, path in zip(names, alone, strict=True)
        if not exclude.excludes(dataset.root, path_below(path, root))
    ]


def _notes(dataset: YoloDataset, suspicion: str) -> list[Event]:
    """Events for ambiguous entries in the description of the folder, and for boxes that may have another form."""
    name = dataset.description.name
    empty = [
        ("empty-split", f"{split} names the images of {other}")
        for split, other in dataset.substitute_splits.items()
    ]
    boxes = [("box-form", suspicion)] if suspicion else []
    return [Event(name, "", code, value) for code, value in (*empty, *dataset.notes, *boxes)]


def _mixed(sources: list[_Source], kinds: set[str]) -> list[Event]:
    if len(kinds) < 2:
        return []
    boxes = ((source, sum(label.is_box for label in source.labels)) for source in sources)
    return [Event(source.file_name, "", "mixed-boxes", f"{count} boxes") for source, count in boxes if count]


def _convert_image(source: _Source, dest: Path | None, options: YoloOptions, *, has_masks: bool) -> Converted:
    path = source.image.path
    info = read_info(path)
    # labels are of the upright image, which is what Ultralytics trains on
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


def _write_image(source: _Source, info: ImageInfo, dest: Path | None) -> list[Event]:
    path = source.image.path
    if info.orientation == 1:
        if dest is not None:
            link_or_copy(path, dest / "images" / source.file_name)
        return []
    data, method = upright(path, path.read_bytes(), turn=True)
    if dest is not None:
        (dest / "images" / source.file_name).write_bytes(data)
    return [Event(source.file_name, "", "exif-upright", f"orientation {info.orientation}, {method}")]


def _instances(
    source: _Source, height: int, width: int, options: YoloOptions
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
