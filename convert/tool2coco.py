"""Convert the export of any labelling tool to a COCO dataset folder; shared by the conversions from tools."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from convert.assemble import assemble
from convert.codes import CODES
from convert.conversion import Conversion, Converted, encode_instance, ignored_positions, recorded_options
from convert.execution import Execution
from convert.report import Event, Report
from convert.split_assignment import instance_stratum
from convert.tool_drawing import ToolDrawing, draw_tool_shapes, needs_masks
from convert.tool_options import ToolOptions
from convert.tool_plan import ToolSource, assign_splits, hides_shapes, plan_export, reader_events
from datasets.formats.tool_export import ToolExport
from datasets.formats.tool_images import check_stated_size
from datasets.images.image_file import ImageInfo, parse_info, read_image_bytes
from datasets.images.upright import upright
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import mask_name, write_pixel_mask
from system.errors import InputError, OptionError
from system.exclude import Excluder
from system.files import check_apart, link_or_copy, write_file

POOL_PAYS_FROM = 256  # images
PRELOAD = ("numpy", "pycocotools.mask", "shapely")


class _ToolWork(msgspec.Struct, frozen=True):
    """Arguments that are the same for every image."""

    root: str
    ids: dict[str, int]
    options: ToolOptions
    with_masks: bool


def tool2coco(
    tool: str,
    source: Path,
    export: ToolExport,
    errors: Sequence[InputError],
    dest: Path,
    options: ToolOptions,
    execution: Execution,
    exclude: Excluder | None = None,
) -> Report:
    """Convert what was read from `source`, and the faults found there, into the dataset folder `dest`.

    `exclude` is given where annotation files were excluded already. If the export has boxes only, annotations
    have no mask and no pixel masks are written. An image that lost all its shapes is left out, because as a
    negative it would be wrong. An image without shapes is a negative if the export shows that somebody inspected
    it. Raises InputError if an image or a shape cannot be converted, OptionError for a wrong rename, OutputError
    if `dest` exists or cannot be written.
    """
    check_apart(dest, [folder for folder in (source, options.images) if folder is not None and folder.is_dir()])
    plan = plan_export(
        export, options, errors, exclude or Excluder(execution.exclude), skip_bad=execution.skip_bad
    )
    with_masks = needs_masks([s.image for s in plan.sources], options.line_width)
    work = _ToolWork(str(export.root), plan.ids, options, with_masks)
    labels = options.labels.name if options.labels is not None else None
    conversion = Conversion(
        tool=tool,
        origins=[source.resolve().name],
        options=recorded_options(options) | {"labels": labels},
        categories=plan.categories,
        sources=plan.sources,
        convert_image=partial(_convert_image, work=work),
        assign_splits=partial(assign_splits, splits=plan.splits, options=options, categories=plan.categories),
        read=plan.read,
        events=plan.events,
        pool_pays=with_masks and len(plan.sources) >= POOL_PAYS_FROM,
        masks=with_masks,
        preload=PRELOAD,
        faults=plan.faults,
    )
    return assemble(dest, conversion, execution)


def check_tool_options(options: ToolOptions) -> None:
    """Raise OptionError for a line width that is not positive."""
    if options.line_width is not None and not 0 < options.line_width < float("inf"):
        raise OptionError(
            f"--line-width {options.line_width:g}", "not a line width", "give a number of pixels above 0"
        )


def _convert_image(source: ToolSource, dest: Path | None, work: _ToolWork) -> Converted:
    image, options = source.image, work.options
    data = read_image_bytes(source.path)
    info = parse_info(source.path, data)
    size, turn = _size(f"{work.root}/{image.file}", source, info)
    drawing = draw_tool_shapes(
        f"{work.root}/{image.file}", image, size, work.ids, options, with_masks=work.with_masks
    )
    events = [*reader_events(image), *drawing.events]
    kept = _is_kept(source, drawing, options, events)
    if kept:
        events += _place_image(source, data, info, dest, turn=turn)
        if work.with_masks:
            events += _place_mask(source, drawing, size, dest)
    digest = hashlib.sha256(data)
    digest.update(msgspec.json.encode(image.shapes))
    return Converted(
        source.file_name,
        size[1],
        size[0],
        digest.hexdigest(),
        instance_stratum(drawing.instances),
        [instance.category_id for instance in drawing.instances],
        [encode_instance(instance) for instance in drawing.instances],
        events,
        kept,
        ignored=ignored_positions(drawing.instances),
    )


def _is_kept(source: ToolSource, drawing: ToolDrawing, options: ToolOptions, events: list[Event]) -> bool:
    image = source.image
    if drawing.instances:
        return True
    if hides_shapes(image.losses) or any(CODES[event.code].kind == "lost" for event in drawing.events):
        events.append(Event(image.file, image.where, "image-left-out", source.file_name))
        return False
    if image.reviewed or image.shapes or options.unlabelled == "negative":
        return True
    events.append(Event(source.file_name, "", "unlabelled", "no annotation shows that somebody inspected it"))
    return False


def _size(path: str, source: ToolSource, info: ImageInfo) -> tuple[tuple[int, int], bool]:
    """(height, width) of the image that the shapes refer to, and whether the image has to be turned upright."""
    stored = (info.width, info.height)
    shown = stored[::-1] if info.orientation >= 5 else stored
    named = source.image.size or shown
    check_stated_size(path, source.image, source.path, shown, stored)
    return (named[1], named[0]), named == shown


def _place_image(
    source: ToolSource, data: bytes, info: ImageInfo, dest: Path | None, *, turn: bool
) -> list[Event]:
    target = f"{dest}/images/{source.file_name}"
    events = []
    if source.image.size is None and source.image.file.endswith(".xml"):
        events.append(Event(source.image.file, source.image.where, "size-from-image", ""))
    if info.orientation == 1:
        if dest is not None:
            link_or_copy(source.path, target)
        return events
    image, method = upright(source.path, data, turn=turn)
    if dest is not None:
        write_file(target, image)
    return [*events, Event(source.file_name, "", "exif-upright", f"orientation {info.orientation}, {method}")]


def _place_mask(source: ToolSource, drawing: ToolDrawing, size: tuple[int, int], dest: Path | None) -> list[Event]:
    mask, covered = paint(*size, drawing.painted) if drawing.painted else (None, [])
    if dest is not None:
        write_pixel_mask(f"{dest}/masks/{mask_name(source.file_name)}", mask, *size)
    return [Event(source.file_name, "", "overlap", f"{sum(covered)} px")] if any(covered) else []
