"""A COCO dataset to a folder of images and labelme files, so that its masks can be corrected by hand."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path

import msgspec

from convert.coco_source import CocoImage, CocoSource, instance_component, read_coco_source, skip_missing
from convert.execution import Execution
from convert.faults import Faults, Guarded
from convert.report import Event, Report, check_strict, make_report
from convert.to_shapes import DEFAULT_TOLERANCE, components_to_shapes, join_group
from datasets.coco import Annotation, Image, Rle
from datasets.formats.file_names import check_stems
from datasets.formats.labelme import SUFFIX, Shape
from datasets.formats.labelme_document import encode_document
from datasets.formats.labelme_flags import BACKGROUND, IGNORE
from datasets.formats.listed_image import check_listed_size, check_upright
from datasets.images.image_file import read_info
from datasets.masks.component import Component
from system.errors import OptionError
from system.exclude import Excluder
from system.files import check_apart, check_destination, link_or_copy, new_folder, write_atomic, write_file
from system.workers import map_ordered

POOL_PAYS_FROM = 256  # annotations
LABELS_FILE = "labels.txt"
MARKER = ".defectline"  # hidden, because labelme2coco reads every other JSON file of a folder


class _Written(msgspec.Struct, frozen=True):
    """The result of one image; `shapes` is the number of shapes in its labelme file, None where it is left out."""

    shapes: int | None
    events: list[Event]


class LabelmeExportOptions(msgspec.Struct, frozen=True):
    """How far polygons may deviate from the outline of a mask, in pixels; `images` as in YoloExportOptions."""

    tolerance: float = DEFAULT_TOLERANCE
    images: Path | None = None


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
    check_apart(dest, coco.places())
    check_destination(dest, overwrite=execution.overwrite, marker=MARKER)
    coco = skip_missing(coco, skip=execution.skip_bad)
    check_stems(image.file_name for image in coco.images)
    faults = Faults(limit=execution.max_errors, skip=execution.skip_bad)
    if execution.dry_run:
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
    work = Guarded(partial(_write_image, dest=dest, names=names, tolerance=tolerance), attrgetter("file_name"))
    done = map_ordered(work, coco.images, execution.jobs, pool_pays=coco.annotations() >= POOL_PAYS_FROM)
    yield from faults.sift(execution.progress(done, "convert", len(coco.images)))


def _write_image(item: CocoImage, dest: Path | None, names: Mapping[int, str], tolerance: float) -> _Written:
    path, image = item.file(), item.image
    info = read_info(path)
    check_upright(path, info.orientation)
    check_listed_size(path, (info.width, info.height), (image.width, image.height))
    events: list[Event] = []
    labelled: list[Annotation] = []
    for annotation in item.annotations:
        if annotation.iscrowd:
            where = f"annotation {annotation.id}"
            events.append(Event(item.file_name, where, "crowd", names[annotation.category_id]))
        else:
            labelled.append(annotation)
    shapes: list[Shape] = []
    for annotation, made in zip(labelled, _shapes(image, labelled, names, tolerance), strict=True):
        if not made:
            where = f"annotation {annotation.id}"
            events.append(Event(item.file_name, where, "no-area", names[annotation.category_id]))
        # unique in the file, so that no two instances of a label are joined
        shapes += join_group(made, len(shapes) + 1)
    if item.annotations and not shapes:
        left_out = Event(item.file_name, "", "image-left-out", f"{len(item.annotations)} annotations")
        return _Written(None, [*events, left_out])
    if dest is not None:
        target = dest / item.file_name
        link_or_copy(path, target)
        content = encode_document(target.name, image.height, image.width, shapes)
        write_file(str(target.with_suffix(SUFFIX)), content)
    return _Written(len(shapes), events)


def _shapes(
    image: Image, annotations: Sequence[Annotation], names: Mapping[int, str], tolerance: float
) -> list[list[Shape]]:
    """The shapes of each annotation, none where it has no pixel."""
    made: list[list[Shape]] = []
    masks: dict[int, tuple[Component, str]] = {}
    for i, annotation in enumerate(annotations):
        label, segmentation = names[annotation.category_id], annotation.segmentation
        made.append([])
        if not segmentation:
            x, y, w, h = annotation.bbox
            if min(w, h) > 0:
                made[i] = [Shape(label, [(x, y), (x + w, y + h)], shape_type="rectangle")]
        elif (component := instance_component(image, annotation)) is None:
            continue
        elif isinstance(segmentation, Rle):
            masks[i] = (component, label)
        else:
            rings = [list(zip(ring[::2], ring[1::2], strict=True)) for ring in segmentation]
            made[i] = [Shape(label, ring, shape_type="polygon") for ring in rings]
    for i, shapes in zip(masks, components_to_shapes(list(masks.values()), tolerance), strict=True):
        made[i] = shapes
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
