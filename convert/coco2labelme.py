"""A COCO dataset to a folder of images and labelme files, so that its masks can be corrected by hand."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path

import msgspec

from convert.coco_batches import LARGEST_CHUNK, in_batches, instance_runs
from convert.coco_source import CocoImage, CocoSource, read_coco_source, usable_images
from convert.execution import Execution
from convert.faults import Faults, GuardedBatch
from convert.report import Event, Report, check_strict, make_report
from convert.to_shapes import DEFAULT_TOLERANCE, join_group, runs_to_shapes
from datasets.coco import Annotation, Image, Rle
from datasets.formats.coco_export import is_ours
from datasets.formats.labelme import SUFFIX, Point, Shape
from datasets.formats.labelme_document import encode_document
from datasets.formats.labelme_flags import BACKGROUND, IGNORE, LABELS_FILE
from datasets.formats.listed_image import check_listed_size, check_upright
from datasets.formats.made_images import check_have_places
from datasets.images.image_file import read_info
from system.errors import OptionError
from system.exclude import Excluder
from system.files import check_apart, check_destination, link_or_copy, new_folder, write_atomic, write_file
from system.garbage import paused_garbage_collection
from system.workers import map_ordered

POOL_PAYS_FROM = 256  # annotations
MARKER = ".defectline"  # hidden, because labelme2coco reads every other JSON file of a folder


class _Written(msgspec.Struct, frozen=True):
    """The result of one image; `shapes` is the number of shapes in its labelme file, None if it is left out."""

    shapes: int | None
    events: list[Event]


class LabelmeExportOptions(msgspec.Struct, frozen=True):
    """How far polygons may deviate from the outline of a mask, in pixels; `images` as in YoloExportOptions."""

    tolerance: float = DEFAULT_TOLERANCE
    images: Path | None = None


@paused_garbage_collection()
def coco2labelme(
    source: Path,
    dest: Path,
    options: LabelmeExportOptions = LabelmeExportOptions(),
    execution: Execution = Execution(),
) -> Report:
    """Convert the COCO folder or file `source` into `dest`: images, a labelme file beside each, labels.txt.

    Polygons stay unchanged, run lengths are traced within the tolerance, see `component_to_shapes`; an
    annotation without a mask becomes a rectangle. Negatives get a file without shapes, which makes them negatives
    again on the way back; an image whose annotations are all lost is left out. Raises InputError, with
    `execution.strict` for the first loss; OutputError for `dest`.
    """
    tolerance = options.tolerance
    if not 0 <= tolerance < float("inf"):
        raise OptionError(f"--tolerance {tolerance:g}", "not a distance", "give 0 or more pixels")
    coco = read_coco_source(source, options.images, exclude=Excluder(execution.exclude))
    if is_ours(source):
        check_have_places(source, (image.file_name for image in coco.images))
    check_apart(dest, coco.places())
    check_destination(dest, overwrite=execution.overwrite, marker=MARKER)
    faults = Faults(limit=execution.max_errors, skip=execution.skip_bad)
    coco = usable_images(coco, faults)
    if execution.dry_run or faults.are_fatal():
        return _report(coco, list(_write_images(coco, None, tolerance, execution, faults)), execution, faults)
    with new_folder(dest, overwrite=execution.overwrite, marker=MARKER) as root:
        report = _report(coco, list(_write_images(coco, root, tolerance, execution, faults)), execution, faults)
        names = dict.fromkeys([IGNORE, BACKGROUND, *(category.name for category in coco.categories)])
        write_atomic(root / LABELS_FILE, ("\n".join(names) + "\n").encode())
        write_atomic(root / MARKER, b"written by convert coco2labelme\n")
    return report


def _write_images(
    coco: CocoSource, dest: Path | None, tolerance: float, execution: Execution, faults: Faults
) -> Iterator[_Written]:
    if dest is not None:
        for folder in sorted({Path(image.file_name).parent for image in coco.images}):
            (dest / folder).mkdir(parents=True, exist_ok=True)
    names = {category.id: category.name for category in coco.categories}
    write = partial(_write_batch, dest=dest, names=names, tolerance=tolerance)
    batches = map_ordered(
        GuardedBatch(write, attrgetter("file_name")),
        in_batches(coco.images),
        execution.jobs,
        pool_pays=coco.annotations() >= POOL_PAYS_FROM,
        largest_chunk=LARGEST_CHUNK,
        pool=execution.pool,
    )
    done = chain.from_iterable(batches)
    yield from faults.sift(execution.progress(done, "convert", len(coco.images)))


def _write_batch(
    items: Sequence[CocoImage], dest: Path | None, names: Mapping[int, str], tolerance: float
) -> list[_Written]:
    """Write some images and their labelme files, after all of them are checked."""
    for item in items:
        path = item.file()
        info = read_info(path)
        check_upright(path, info.orientation)
        check_listed_size(path, (info.width, info.height), (item.image.width, item.image.height))
    shapes = iter(annotation_shapes(items, names, tolerance))
    return [_write_image(item, [next(shapes) for _ in item.annotations], dest, names) for item in items]


def _write_image(
    item: CocoImage, made: Sequence[Sequence[Shape]], dest: Path | None, names: Mapping[int, str]
) -> _Written:
    crowds: list[Event] = []
    lost: list[Event] = []
    shapes: list[Shape] = []
    for annotation, own in zip(item.annotations, made, strict=True):
        if not own:
            code, events = ("crowd", crowds) if annotation.iscrowd else ("no-area", lost)
            where = f"annotation {annotation.id}"
            events.append(Event(item.file_name, where, code, names[annotation.category_id]))
        # unique in the file, so that no two instances of a label are joined
        shapes += join_group(own, len(shapes) + 1)
    if item.annotations and not shapes:
        left_out = Event(item.file_name, "", "image-left-out", f"{len(item.annotations)} annotations")
        return _Written(None, [*crowds, *lost, left_out])
    if dest is not None:
        link_or_copy(item.file(), f"{dest}/{item.file_name}")
        name = posixpath.basename(item.file_name)
        content = encode_document(name, item.image.height, item.image.width, shapes)
        write_file(f"{dest}/{posixpath.splitext(item.file_name)[0]}{SUFFIX}", content)
    return _Written(len(shapes), [*crowds, *lost])


def annotation_shapes(items: Sequence[CocoImage], names: Mapping[int, str], tolerance: float) -> list[list[Shape]]:
    """The shapes of each annotation of some images, none where it is a crowd or has no pixel."""
    made: list[list[Shape]] = []
    masked: dict[int, tuple[Image, Annotation]] = {}
    for item in items:
        for annotation in item.annotations:
            made.append([])
            if annotation.iscrowd:
                continue
            x, y, w, h = annotation.bbox
            if annotation.segmentation:
                masked[len(made) - 1] = (item.image, annotation)
            elif min(w, h) > 0:
                corners: list[Point] = [(x, y), (x + w, y + h)]
                made[-1] = [Shape(names[annotation.category_id], corners, shape_type="rectangle")]
    if not masked:
        return made
    runs = instance_runs(list(masked.values()))
    traced: list[int] = []
    is_traced = runs.boxes[:, 2] > 0
    for k, (number, (_, annotation)) in enumerate(masked.items()):
        if not is_traced[k]:
            continue
        if isinstance(annotation.segmentation, Rle):
            traced.append(number)
            continue
        is_traced[k] = False
        rings = [list(zip(ring[::2], ring[1::2], strict=True)) for ring in annotation.segmentation]
        label = names[annotation.category_id]
        made[number] = [Shape(label, ring, shape_type="polygon") for ring in rings]
    labels = [names[masked[number][1].category_id] for number in traced]
    for number, shapes in zip(traced, runs_to_shapes(runs.select(is_traced), labels, tolerance), strict=True):
        made[number] = shapes
    return made


def _report(coco: CocoSource, done: Sequence[_Written], execution: Execution, faults: Faults) -> Report:
    faults.check()
    read = {"images": len(coco.images), "annotations": coco.annotations(), "categories": len(coco.categories)}
    shapes = [written.shapes for written in done if written.shapes is not None]
    written = {"labelme files": len(shapes), "negatives": shapes.count(0), "shapes": sum(shapes)}
    report = make_report(read, written, chain(coco.events, faults.events(), *(written.events for written in done)))
    if execution.strict:
        check_strict(report)
    return report
