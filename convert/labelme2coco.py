"""Convert a labelme folder to a COCO dataset folder: all shape types of all labelme versions."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from convert.assemble import assemble
from convert.codes import CODES
from convert.conversion import Conversion, Converted, encode_instance, ignored_positions, recorded_options
from convert.execution import Execution
from convert.instances import Drawing, Labelled, draw_instances
from convert.labelme_plan import LabelmePlan, plan_labelme
from convert.report import Event, Report
from convert.split_assignment import SplitRule, assign_splits, ignored_splits, instance_stratum
from datasets.coco import SegmentationForm
from datasets.formats.labelme import LabelmeFile, embedded_image, parse_labelme, read_json
from datasets.formats.labelme_folder import LabelmeImage, check_image_size
from datasets.formats.labelme_images import list_tree
from datasets.images.image_file import ImageInfo, parse_info, read_image_bytes
from datasets.images.upright import upright
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import mask_name, write_pixel_mask
from datasets.splits import Ratios
from system.errors import DefectlineError, OptionError
from system.exclude import Excluder
from system.files import check_apart, check_destination, link_or_copy, write_file
from system.workers import started_pool

POOL_PAYS_FROM = 256  # images; for fewer, starting processes costs more than it saves
PRELOAD = ("numpy", "pycocotools.mask", "shapely")


class LabelmeOptions(msgspec.Struct, frozen=True):
    """Options of the conversion.

    `line_width` in pixels is used to draw points and lines; with None they are lost. `masks` writes pixel masks.
    `images` is a second folder of images. `labels` is labelme's labels file, which gives the order of the
    categories.
    """

    split: SplitRule = "stratified"
    ratios: Ratios = (0.7, 0.1, 0.2)
    seed: int = 0
    segmentation: SegmentationForm = "rle"
    line_width: float | None = None
    rename: tuple[str, ...] = ()
    unlabelled: Literal["leave-out", "negative"] = "leave-out"
    masks: bool = True
    unreviewed: Literal["leave-out", "keep"] = "leave-out"
    images: Path | None = None
    labels: Path | None = None


def labelme2coco(
    source: Path,
    dest: Path,
    options: LabelmeOptions = LabelmeOptions(),
    execution: Execution = Execution(),
) -> Report:
    """Convert the labelme files below `source` into the dataset folder `dest`.

    Images are searched below `source` and `options.images` only. An image that lost all its shapes is left out,
    because as a negative it would be wrong; so is an image with a proposed shape that nobody has reviewed.

    Raises InputError if a file, a shape or an image cannot be converted, OptionError for a wrong option,
    OutputError if `dest` exists or cannot be written.
    """
    if options.line_width is not None and not 0 < options.line_width < float("inf"):
        raise OptionError(
            f"--line-width {options.line_width:g}", "not a line width", "give a number of pixels above 0"
        )
    check_apart(dest, [source] if options.images is None else [source, options.images])
    check_destination(dest, overwrite=execution.overwrite)
    exclude = Excluder(execution.exclude)
    tree = list_tree(source, exclude)
    pays = len(tree.files) >= POOL_PAYS_FROM
    with started_pool(execution.jobs, pays=pays, modules=PRELOAD, running=execution.pool) as pool:
        plan = plan_labelme(
            tree,
            options.images,
            options.labels,
            options.rename,
            pool,
            unlabelled_negative=options.unlabelled == "negative",
            keep_unreviewed=options.unreviewed == "keep",
            skip_bad=execution.skip_bad,
            exclude=exclude,
        )
        with_pool = msgspec.structs.replace(execution, pool=pool)
        return assemble(dest, _conversion(source, plan, options), with_pool)


def _conversion(source: Path, plan: LabelmePlan, options: LabelmeOptions) -> Conversion[LabelmeImage]:
    labels = options.labels.name if options.labels is not None else None
    arguments: dict[str, Any] = {"root": str(source), "ids": plan.ids, "options": options}
    return Conversion(
        tool="labelme2coco",
        origins=[source.resolve().name],
        options=recorded_options(options) | {"labels": labels},
        categories=plan.categories,
        sources=plan.sources,
        convert_image=partial(_convert_image, **arguments),
        assign_splits=assign_splits(options.split, options.ratios, options.seed, source, plan.categories),
        read=plan.read,
        events=[*plan.events, *ignored_splits(options.split, source, (image.file_name for image in plan.sources))],
        pool_pays=len(plan.sources) >= POOL_PAYS_FROM,
        masks=options.masks,
        preload=PRELOAD,
        convert_images=partial(_convert_images, **arguments),
        faults=plan.faults,
    )


class _Read(msgspec.Struct, frozen=True):
    """A source that has been read; `embedded` is the image data if it is embedded in the labelme file."""

    source: LabelmeImage
    labelled: Labelled
    image_path: str
    info: ImageInfo
    sha256: str
    embedded: bytes | None


def _convert_image(
    source: LabelmeImage, dest: Path | None, root: str, ids: Mapping[str, int], options: LabelmeOptions
) -> Converted:
    read = _read(source, root)
    (drawing,) = draw_instances([read.labelled], ids, options.segmentation, options.line_width)
    return _place(read, drawing, dest, options)


def _convert_images(
    sources: Sequence[LabelmeImage], dest: Path | None, root: str, ids: Mapping[str, int], options: LabelmeOptions
) -> list[Converted]:
    read, drawings = [], []
    if all(source.path is not None for source in sources):  # several embedded images take too much memory
        with suppress(DefectlineError):  # then read one by one, which raises the first error
            read = [_read(source, root) for source in sources]
            labelled = [image.labelled for image in read]
            drawings = draw_instances(labelled, ids, options.segmentation, options.line_width)
    if not drawings:
        return [_convert_image(source, dest, root, ids, options) for source in sources]
    return [_place(image, drawing, dest, options) for image, drawing in zip(read, drawings, strict=True)]


def _read(source: LabelmeImage, root: str) -> _Read:
    digest = hashlib.sha256()
    file = LabelmeFile([])
    path = source.path or ""
    if source.file is not None:
        path = f"{root}/{source.file}"
        data = read_json(path)
        digest.update(data)
        file = parse_labelme(path, data)
    image_path = source.path or path
    image = embedded_image(path, file) if source.path is None else read_image_bytes(source.path)
    digest.update(image)
    info = parse_info(image_path, image)
    # labelme shows an image file upright, and an embedded image as stored
    turn = source.path is not None and info.orientation >= 5
    size = (info.width, info.height) if turn else (info.height, info.width)
    check_image_size(path, file, *size)
    return _Read(
        source,
        Labelled(path, source.file or source.file_name, file.shapes, size),
        image_path,
        info,
        digest.hexdigest(),
        image if source.path is None else None,
    )


def _place(read: _Read, drawing: Drawing, dest: Path | None, options: LabelmeOptions) -> Converted:
    source, name, size = read.source, read.labelled.name, read.labelled.size
    lost = any(CODES[event.code].kind == "lost" for event in drawing.events)
    kept = bool(drawing.instances) or not (lost or source.uncertain)
    events = list(drawing.events)
    if not (kept or lost):
        events.append(Event(name, "$.flags", "uncertain", source.file_name))
    elif not kept:
        events.append(Event(name, "$.shapes", "image-left-out", source.file_name))
    elif source.event_code:
        events.append(Event(name, "$.imagePath", source.event_code, source.file_name))
    if kept:
        events += _place_image(read, dest)
        if options.masks:
            events += _place_mask(source, drawing, size, name, dest)
    return Converted(
        source.file_name,
        size[1],
        size[0],
        read.sha256,
        instance_stratum(drawing.instances),
        [instance.category_id for instance in drawing.instances],
        [encode_instance(instance) for instance in drawing.instances],
        events,
        kept,
        ignored=ignored_positions(drawing.instances),
    )


def _place_image(read: _Read, dest: Path | None) -> list[Event]:
    """Write the image into the dataset with upright pixels, without an EXIF orientation."""
    target = f"{dest}/images/{read.source.file_name}"
    path, info = read.image_path, read.info
    if info.orientation != 1:
        stored = read_image_bytes(path) if read.embedded is None else read.embedded
        image, method = upright(path, stored, turn=read.embedded is None)
        if dest is not None:
            write_file(target, image)
        return [Event(read.labelled.name, "", "exif-upright", f"orientation {info.orientation}, {method}")]
    if dest is not None and read.embedded is None:
        link_or_copy(path, target)
    elif dest is not None and read.embedded is not None:
        write_file(target, read.embedded)
    return []


def _place_mask(
    source: LabelmeImage, drawing: Drawing, size: tuple[int, int], name: str, dest: Path | None
) -> list[Event]:
    """Write the pixel mask of `size` (height, width), without ignore regions."""
    drawn = zip(drawing.instances, drawing.components, strict=True)
    painted = [(i.category_id, pixels) for i, pixels in drawn if not i.iscrowd]
    mask, covered = paint(*size, painted) if painted else (None, [])
    if dest is not None:
        write_pixel_mask(f"{dest}/masks/{mask_name(source.file_name)}", mask, *size)
    return [Event(name, "", "overlap", f"{sum(covered)} px")] if any(covered) else []
