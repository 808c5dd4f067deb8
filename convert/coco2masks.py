"""Convert a COCO dataset to pixel masks, one index PNG per image; smaller annotations are on top."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from convert.coco_source import CocoImage, CocoSource, instance_mask, read_coco_source, usable_images
from convert.execution import Execution
from convert.faults import Faults, Guarded
from convert.report import Event, Report, check_strict, make_report
from datasets.formats.provenance import content_hash, make_provenance, write_provenance
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import check_category_count, write_pixel_mask
from system.exclude import Excluder
from system.files import check_apart, check_destination, new_folder
from system.json_file import write_json
from system.workers import map_ordered

if TYPE_CHECKING:
    from datasets.masks.component import Component

CATEGORIES = "categories.json"
POOL_PAYS_FROM = 256  # images


class _Painted(msgspec.Struct, frozen=True):
    """One converted image: the number of annotations in its pixel mask; none is written unless `kept`."""

    item: CocoImage
    instances: int
    sha256: str
    events: list[Event]
    kept: bool


class MasksExportOptions(msgspec.Struct, frozen=True):
    """No options: sizes and annotations are in the COCO file, so no image is read."""


def coco2masks(
    source: Path,
    dest: Path,
    options: MasksExportOptions = MasksExportOptions(),  # noqa: ARG001 the signature shared by all converters
    execution: Execution = Execution(),
) -> Report:
    """Write the pixel mask of every image of the COCO folder or file `source` into `dest`; reads no image file.

    The mask of `a/b.jpg` is `a/b.png`: 0 is background, and `categories.json` has the name of each other index. An
    image that lost all its annotations gets no mask, because an empty mask would mean a good image. Raises
    InputError if the source cannot be read and, with `execution.strict`, for the first loss; OutputError if `dest`
    exists or cannot be written.
    """
    coco = read_coco_source(source, exclude=Excluder(execution.exclude))
    check_category_count(source, len(coco.categories))
    check_apart(dest, coco.places())
    check_destination(dest, overwrite=execution.overwrite)
    faults = Faults(limit=execution.max_errors, skip=execution.skip_bad)
    coco = usable_images(coco, faults, need_files=False)
    if execution.dry_run or faults.are_fatal():
        return _report(coco, list(_paint_all(coco, None, execution, faults)), execution, faults)
    with new_folder(dest, overwrite=execution.overwrite) as root:
        done = list(_paint_all(coco, root, execution, faults))
        report = _report(coco, done, execution, faults)
        _describe(root, coco, done, report)
    return report


def _paint_all(coco: CocoSource, dest: Path | None, execution: Execution, faults: Faults) -> Iterator[_Painted]:
    indices = {category.id: k for k, category in enumerate(coco.categories, 1)}
    work = Guarded(partial(_paint_image, dest=dest, indices=indices), attrgetter("file_name"))
    pool_pays = len(coco.images) >= POOL_PAYS_FROM
    done = map_ordered(work, coco.images, execution.jobs, pool_pays=pool_pays, pool=execution.pool)
    yield from faults.sift(execution.progress(done, "convert", len(coco.images)))


def _paint_image(item: CocoImage, dest: Path | None, indices: Mapping[int, int]) -> _Painted:
    from datasets.masks.component import mask_to_component

    image = item.image
    parts: list[tuple[int, Component]] = []
    events: list[Event] = []
    for annotation in item.annotations:
        where = f"annotation {annotation.id}"
        if annotation.iscrowd:
            events.append(Event(image.file_name, where, "crowd", str(list(annotation.bbox))))
            continue
        mask = instance_mask(image, annotation).astype(bool)
        if not annotation.segmentation:
            events.append(Event(image.file_name, where, "no-mask", str(list(annotation.bbox))))
        elif not mask.any():
            events.append(Event(image.file_name, where, "no-area", str(list(annotation.bbox))))
        else:
            parts.append((indices[annotation.category_id], mask_to_component(mask)))
    kept = bool(parts) or not item.annotations
    if not kept:
        events.append(Event(image.file_name, "", "image-left-out", f"{len(item.annotations)} annotations"))
    painted = None
    if parts:
        painted, taken = paint(image.height, image.width, parts)
        if pixels := sum(taken):
            events.append(Event(image.file_name, "", "overlap", f"{pixels} px of two categories"))
    if dest is not None and kept:
        write_pixel_mask((dest / image.file_name).with_suffix(".png"), painted, image.height, image.width)
    content = {"image": image, "split": item.split, "annotations": item.annotations}
    sha256 = hashlib.sha256(msgspec.json.encode(content)).hexdigest()
    return _Painted(item, len(parts), sha256, events, kept)


def _report(coco: CocoSource, done: Sequence[_Painted], execution: Execution, faults: Faults) -> Report:
    faults.check()
    read = {"images": len(coco.images), "annotations": coco.annotations(), "categories": len(coco.categories)}
    instances = [painted.instances for painted in done if painted.kept]
    written = {"pixel masks": len(instances), "negatives": instances.count(0), "instances": sum(instances)}
    report = make_report(read, written, chain(coco.events, faults.events(), *(painted.events for painted in done)))
    if execution.strict:
        check_strict(report)
    return report


def _describe(root: Path, coco: CocoSource, done: Sequence[_Painted], report: Report) -> None:
    names: dict[str, Any] = {"0": "background"} | {str(k): c.name for k, c in enumerate(coco.categories, 1)}
    write_json(root / CATEGORIES, names)
    kept = [painted.item for painted in done if painted.kept]
    members = {split: [item.image for item in kept if item.split == split] for split in coco.splits}
    write_provenance(
        root,
        make_provenance(
            "coco2masks",
            [coco.path.resolve().name],
            {},
            members,
            ((a.image_id, a.category_id, 0) for item in kept for a in item.annotations if not a.iscrowd),
            coco.categories,
            report.summary(),
            content_hash((painted.item.file_name, painted.sha256) for painted in done if painted.kept),
        ),
    )
