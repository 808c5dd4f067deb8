"""Convert a COCO file or the COCO export of any tool to a COCO dataset folder."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from convert.assemble import assemble
from convert.coco_instances import Crowd, image_instances
from convert.coco_source import CocoImage, check_links, present_images
from convert.coco_to_tool import write_for_tool
from convert.conversion import Conversion, Converted, encode_instance, ignored_positions, recorded_options
from convert.exclusion import exclusion_events
from convert.execution import Execution
from convert.report import Event, Report
from datasets.coco import Category, CocoFile
from datasets.formats.box_form import BoxForm
from datasets.formats.coco_export import CocoExport, ExportImage, read_coco_export
from datasets.formats.coco_whole import check_crowd, nothing_labelled
from datasets.formats.dataset_folder import mask_path
from datasets.formats.listed_image import check_listed_size, check_upright
from datasets.images.image_file import ImageInfo, parse_info, read_image_bytes
from datasets.images.upright import upright
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import write_pixel_mask
from datasets.splits import Ratios, strata_by_type, stratified_split
from system.errors import OptionError
from system.exclude import Excluder
from system.files import check_apart, link_or_copy

if TYPE_CHECKING:
    from datasets.masks.component import Component

POOL_PAYS_FROM = 256  # images
PRELOAD = ("numpy", "PIL.Image", "pycocotools.mask")


class CocoOptions(msgspec.Struct, frozen=True):
    """Options of the conversion.

    `splits` has "split=file" for each COCO file whose name does not state its split. `split` auto keeps the splits
    of a source that names at least two, and otherwise splits by defect type with `ratios` and `seed`. `crowd` auto
    keeps crowd annotations as ignore regions, and refuses a source with only crowd annotations. `unlabelled`
    states whether images of a COCO file without annotations and categories are left out or are negatives. `boxes`
    is the form of the boxes: None is that of COCO, and boxes that obviously have another one are refused.
    """

    splits: tuple[str, ...] = ()
    split: Literal["auto", "stratified", "original"] = "auto"
    ratios: Ratios = (0.7, 0.1, 0.2)
    seed: int = 0
    crowd: Crowd = "auto"
    unlabelled: Literal["leave-out", "negative"] = "leave-out"
    segmentation: Literal["keep", "rle"] = "keep"
    masks: bool = True
    to: Literal["dataset", "cvat", "labelstudio", "roboflow", "xanylabeling"] = "dataset"
    images: Path | None = None
    boxes: BoxForm | None = None


def coco2coco(
    source: Path, dest: Path, options: CocoOptions = CocoOptions(), execution: Execution = Execution()
) -> Report:
    """Convert the COCO file, folder or export `source` into the dataset folder `dest`.

    Category ids count from 1 in the order of the source. `read_coco_export` documents what is read and repaired.
    With `options.to`, `write_for_tool` writes for that tool instead. Raises InputError if the source cannot be
    read and, with `execution.strict`, for the first loss; OptionError for a wrong option; OutputError if `dest`
    exists or cannot be written.
    """
    exclude = Excluder(execution.exclude)
    export = read_coco_export(source, options.images, options.splits, exclude, boxes=options.boxes)
    excluded = exclusion_events(exclude, export.images)
    images, categories, unlabelled = _images(export, options)
    check_apart(dest, [source, *[image.path for image in images if image.path is not None][:1]])
    images, missing = present_images(source, images)
    check_links(export, options.images, images)
    if options.crowd == "auto":
        check_crowd(source, (a.iscrowd for image in images for a in image.annotations))
    split_of, stated = _splits(export, images, categories, options)
    repairs = [Event(*msgspec.structs.astuple(repair)) for repair in export.repairs]
    events = [*excluded, *repairs, *unlabelled, stated]
    if options.to != "dataset":
        return write_for_tool(
            dest, options.to, images, categories, split_of, events, missing, options.crowd, execution
        )
    files = [f"{part.split}={part.file.name}" for part in export.parts if part.split]
    conversion = Conversion(
        tool="coco2coco",
        origins=[source.resolve().name],
        options=_recorded(options) | {"splits": files},
        categories=categories,
        sources=images,
        convert_image=partial(_convert_image, options=options),
        assign_splits=lambda strata: {name: split_of[name] for name in strata},
        read={
            "COCO files": len(export.parts),
            "images": len(export.images),
            "annotations": sum(len(image.annotations) for image in export.images),
            "categories": len(export.categories),
        },
        events=events,
        pool_pays=len(images) >= POOL_PAYS_FROM,
        masks=options.masks,
        preload=PRELOAD,
        faults=missing,
    )
    return assemble(dest, conversion, execution)


def _recorded(options: CocoOptions) -> dict[str, object]:
    """The options for `dataset.json`; `boxes` only if it is given."""
    left_out = {"to"} | ({"boxes"} if options.boxes is None else set())
    return {key: value for key, value in recorded_options(options).items() if key not in left_out}


def _images(export: CocoExport, options: CocoOptions) -> tuple[list[CocoImage], list[Category], list[Event]]:
    """Images sorted by name, categories numbered from 1, and an event for each image that is left out."""
    kept = [entry for entry in export.images if entry.is_labelled or options.unlabelled == "negative"]
    if not kept:
        raise nothing_labelled(export.path, len(export.images))
    ids = {category.id: number for number, category in enumerate(export.categories, 1)}
    categories = [msgspec.structs.replace(category, id=ids[category.id]) for category in export.categories]
    images = []
    for number, entry in enumerate(sorted(kept, key=lambda entry: entry.image.file_name), 1):
        image = msgspec.structs.replace(entry.image, id=number)
        annotations = [
            msgspec.structs.replace(a, image_id=number, category_id=ids[a.category_id]) for a in entry.annotations
        ]
        images.append(CocoImage(image, entry.split or "", annotations, entry.path))
    left_out = [entry for entry in export.images if entry not in kept] if len(kept) < len(export.images) else []
    return images, categories, [_unlabelled(entry) for entry in left_out]


def _unlabelled(entry: ExportImage) -> Event:
    return Event(entry.image.file_name, "", "unlabelled", "its COCO file has no annotations and no categories")


def _splits(
    export: CocoExport, images: Sequence[CocoImage], categories: list[Category], options: CocoOptions
) -> tuple[dict[str, str], Event]:
    """The split of each file name, and the event that reports how it was chosen."""
    unnamed = next((part.file.name for part in export.parts if part.split is None), None)
    if options.split == "original" and unnamed is not None:
        problem = f"the name {unnamed} contains no split"
        raise OptionError("--split original", problem, f"give --splits train={unnamed} or leave it out")
    named = unnamed is None and (len(export.splits) > 1 or bool(options.splits))
    if options.split == "original" or (options.split == "auto" and named):
        split_of = {image.file_name: image.split for image in images}
        code, value = "split-kept", ""
    else:
        annotations = [a for image in images for a in image.annotations]
        if options.crowd == "instance":
            annotations = [msgspec.structs.replace(a, iscrowd=0) for a in annotations]
        strata = strata_by_type([CocoFile([image.image for image in images], annotations, categories)])
        split_of = stratified_split(strata, options.ratios, options.seed)
        code, value = "split-made", f", seed {options.seed}"
    counts = ", ".join(f"{split} {list(split_of.values()).count(split)}" for split in ("train", "val", "test"))
    return split_of, Event(export.path.name, "", code, counts + value)


def _convert_image(source: CocoImage, dest: Path | None, options: CocoOptions) -> Converted:
    path, image = source.file(), source.image
    data = read_image_bytes(path)
    info = parse_info(path, data)
    turn = _turn(path, info, (image.width, image.height))
    made = image_instances(image, source.annotations, options.crowd, as_rle=options.segmentation == "rle")
    events = list(made.events)
    kept = bool(made.instances) or not source.annotations
    if not kept:
        events.append(Event(image.file_name, "", "image-left-out", f"{len(source.annotations)} annotations"))
    else:
        events += _place_image(source, info, data, dest, turn=turn)
        if options.masks:
            events += _place_mask(source, made.painted, dest)
    return Converted(
        image.file_name,
        image.width,
        image.height,
        hashlib.sha256(data + msgspec.json.encode(source.annotations)).hexdigest(),
        "",
        [instance.category_id for instance in made.instances],
        [encode_instance(instance) for instance in made.instances],
        events,
        kept,
        ignored=ignored_positions(made.instances),
    )


def _turn(path: Path, info: ImageInfo, size: tuple[int, int]) -> bool:
    """Whether the annotations refer to the image as EXIF shows it; `size` is the stated (width, height).

    Raises InputError if the stated size is wrong or does not decide it.
    """
    stored, shown = (info.width, info.height), (info.height, info.width)
    if info.orientation < 5 or info.width == info.height:
        check_listed_size(path, stored, size)
        check_upright(path, info.orientation)
        return False
    if size != stored:
        check_listed_size(path, shown, size)
    return size == shown


def _place_image(source: CocoImage, info: ImageInfo, data: bytes, dest: Path | None, *, turn: bool) -> list[Event]:
    target = None if dest is None else dest / "images" / source.file_name
    if info.orientation == 1:
        if target is not None:
            link_or_copy(source.file(), target)
        return []
    turned, method = upright(source.file(), data, turn=turn)
    if target is not None:
        target.write_bytes(turned)
    return [Event(source.file_name, "", "exif-upright", f"orientation {info.orientation}, {method}")]


def _place_mask(source: CocoImage, painted: "list[tuple[int, Component]]", dest: Path | None) -> list[Event]:
    """Write the pixel mask without ignore regions."""
    image = source.image
    indices, taken = paint(image.height, image.width, painted)
    if dest is not None:
        path = mask_path(dest, image.file_name)
        write_pixel_mask(path, indices if painted else None, image.height, image.width)
    return [Event(image.file_name, "", "overlap", f"{sum(taken)} px")] if any(taken) else []
