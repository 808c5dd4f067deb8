"""A COCO dataset folder or file to a YOLO dataset folder that Ultralytics trains on."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path

import msgspec

from convert.coco_batches import LARGEST_CHUNK, in_batches
from convert.coco_source import CocoImage, CocoSource, read_coco_source, usable_images
from convert.execution import Execution
from convert.faults import Faults, GuardedBatch
from convert.report import Event, Report, check_strict, make_report
from convert.yolo_labels import label_lines
from convert.yolo_segments import Style
from datasets.formats.coco_export import is_ours
from datasets.formats.coco_whole import check_for_yolo
from datasets.formats.listed_image import check_listed_size, check_upright
from datasets.formats.made_images import check_have_places
from datasets.formats.provenance import content_hash, make_provenance, write_provenance
from datasets.formats.yolo import label_path
from datasets.formats.yolo_data_yaml import name_folders, write_data_yaml
from datasets.formats.yolo_lines import write_labels
from datasets.images.image_file import parse_info, read_image_bytes
from system.errors import InputError
from system.exclude import Excluder
from system.files import check_apart, check_destination, link_or_copy, new_folder
from system.workers import map_ordered

POOL_PAYS_FROM = 256  # images
MIN_SIDE = 10  # pixels; Ultralytics leaves out images with a shorter side
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"


class _Written(msgspec.Struct, frozen=True):
    """The result of one image; `lines` is the number of lines in its label file, None if it is left out."""

    item: CocoImage
    lines: int | None
    sha256: str
    events: list[Event]


class YoloExportOptions(msgspec.Struct, frozen=True):
    """How labels are written; `images` is the folder of the images of a COCO file that is not near them."""

    style: Style = Style()
    images: Path | None = None


def coco2yolo(
    source: Path,
    dest: Path,
    options: YoloExportOptions = YoloExportOptions(),
    execution: Execution = Execution(),
) -> Report:
    """Convert the COCO folder or file `source` into the YOLO folder `dest`.

    Every split with an image has a folder; classes count from 0 in the order of the category ids. Raises
    InputError for what cannot be read, where no image is left and, with `execution.strict`, for the first loss;
    OutputError for `dest`.
    """
    style = options.style
    coco = read_coco_source(source, options.images, exclude=Excluder(execution.exclude))
    check_for_yolo(source, len(coco.categories), len(coco.images))
    check_have_places(source, (image.file_name for image in coco.images if is_ours(source)))
    check_apart(dest, coco.places())
    check_destination(dest, overwrite=execution.overwrite)
    faults = Faults(limit=execution.max_errors, skip=execution.skip_bad)
    coco = usable_images(coco, faults)
    if execution.dry_run or faults.are_fatal():
        return _report(coco, list(_write_images(coco, None, style, execution, faults)), execution, faults)
    with new_folder(dest, overwrite=execution.overwrite) as root:
        done = list(_write_images(coco, root, style, execution, faults))
        report = _report(coco, done, execution, faults)
        _describe(root, coco, style, done, report)
    return report


def _write_images(
    coco: CocoSource, dest: Path | None, style: Style, execution: Execution, faults: Faults
) -> Iterator[_Written]:
    if dest is not None:
        for split in {image.split for image in coco.images}:
            (dest / "images" / split).mkdir(parents=True)
            (dest / "labels" / split).mkdir(parents=True)
        for folder in sorted({Path(i.split) / Path(i.file_name).parent for i in coco.images}):
            (dest / "images" / folder).mkdir(parents=True, exist_ok=True)
            label_path(dest / "images" / folder / "any").parent.mkdir(parents=True, exist_ok=True)
    classes = {category.id: i for i, category in enumerate(coco.categories)}
    write = partial(_write_batch, dest=dest, classes=classes, style=style)
    pool_pays = style.segments and len(coco.images) >= POOL_PAYS_FROM
    batches = map_ordered(
        GuardedBatch(write, attrgetter("file_name")),
        in_batches(coco.images),
        execution.jobs,
        pool_pays=pool_pays,
        largest_chunk=LARGEST_CHUNK,
        pool=execution.pool,
    )
    done = chain.from_iterable(batches)
    yield from faults.sift(execution.progress(done, "convert", len(coco.images)))


def _write_batch(
    items: Sequence[CocoImage], dest: Path | None, classes: Mapping[int, int], style: Style
) -> list[_Written]:
    """Write some images and their labels, after all of them are checked."""
    read = [_read_image(item) for item in items]
    labels = iter(label_lines([item for item in items if not _is_tiny(item)], classes, style))
    written = []
    for item, (sha256, end) in zip(items, read, strict=True):
        if _is_tiny(item):
            lost = Event(item.file_name, "", "tiny-picture", f"{item.image.width} x {item.image.height} px")
            written.append(_Written(item, None, sha256, [lost]))
            continue
        lines, events = next(labels)
        if item.annotations and not lines:
            left_out = Event(item.file_name, "", "image-left-out", f"{len(item.annotations)} annotations")
            written.append(_Written(item, None, sha256, [*events, left_out]))
            continue
        if end is not None:
            events = [Event(item.file_name, "", "jpeg-tail", "bytes after the end marker"), *events]
        if dest is not None:
            _write_image(item, lines, end, dest)
        written.append(_Written(item, len(lines), sha256, events))
    return written


def _is_tiny(item: CocoImage) -> bool:
    return min(item.image.width, item.image.height) < MIN_SIDE


def _read_image(item: CocoImage) -> tuple[str, int | None]:
    """The hash of an image file and its annotations, and where a JPEG ends that bytes follow.

    Raises InputError for a file that does not fit its annotations.
    """
    path, image = item.file(), item.image
    data = read_image_bytes(path)
    info = parse_info(path, data)
    check_upright(path, info.orientation)
    check_listed_size(path, (info.width, info.height), (image.width, image.height))
    sha256 = hashlib.sha256(data + msgspec.json.encode(item.annotations)).hexdigest()
    return sha256, data.rindex(JPEG_END) + len(JPEG_END) if _has_tail(data) else None


def _write_image(item: CocoImage, lines: Sequence[str], end: int | None, dest: Path) -> None:
    target = dest / "images" / item.split / item.file_name
    if end is None:
        link_or_copy(item.file(), target)
    else:
        target.write_bytes(read_image_bytes(item.file())[:end])
    write_labels(label_path(target), lines)


def _has_tail(data: bytes) -> bool:
    """Whether a JPEG has bytes after its end, which makes Ultralytics re-encode it."""
    return data.startswith(JPEG_START) and not data.endswith(JPEG_END)


def _report(coco: CocoSource, done: Sequence[_Written], execution: Execution, faults: Faults) -> Report:
    faults.check()
    read = {"images": len(coco.images), "annotations": coco.annotations(), "categories": len(coco.categories)}
    kept = [written.lines for written in done if written.lines is not None]
    written = {"images": len(kept), "negatives": kept.count(0), "labels": sum(kept)}
    folders = _folders(done)
    events = [
        Event(coco.path.name, "", "empty-split", f"{split}, for which data.yaml names {folder}")
        for split, folder in folders.items()
        if folder != f"images/{split}"
    ]
    known = [*coco.events, *faults.events(), *events]
    report = make_report(read, written, chain(known, *(written.events for written in done)))
    if execution.strict:
        check_strict(report)
    if not kept:
        first = report.events[0]
        problem = f"every image would be left out, such as {first.file}: {first.code} ({first.value})"
        raise InputError(coco.path, problem, "see docs/codes.md")
    return report


def _folders(done: Sequence[_Written]) -> dict[str, str]:
    return name_folders(written.item.split for written in done if written.lines is not None)


def _describe(root: Path, coco: CocoSource, style: Style, done: Sequence[_Written], report: Report) -> None:
    folders = _folders(done)
    write_data_yaml(root, [category.name for category in coco.categories], folders)
    kept = [written.item for written in done if written.lines is not None]
    members = {split: [item.image for item in kept if item.split == split] for split in folders}
    write_provenance(
        root,
        make_provenance(
            "coco2yolo",
            [coco.path.resolve().name],
            msgspec.to_builtins(style),
            members,
            ((a.image_id, a.category_id, 0) for item in kept for a in item.annotations if not a.iscrowd),
            coco.categories,
            report.summary(),
            content_hash((written.item.file_name, written.sha256) for written in done),
        ),
    )
